#include "app/branch_keys.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <glib.h>

#include "base/owned.h"

namespace sluice::app {
namespace {

using media::BranchOptions;

constexpr size_t kMaxName = 64;
constexpr const char* kStarts[] = {"on-request", "on-produce"};

/// A key that is a whole number.
struct NumberKey {
    const char* name;
    uint64_t max;
    uint64_t (*get)(const BranchOptions&);
    void (*set)(BranchOptions&, uint64_t);
    const char* meaning;
};

template <std::chrono::seconds BranchOptions::*Member>
constexpr NumberKey seconds_key(const char* name, uint64_t max, const char* meaning) {
    return {name, max,
            [](const BranchOptions& branch) { return static_cast<uint64_t>((branch.*Member).count()); },
            [](BranchOptions& branch, uint64_t value) {
                branch.*Member = std::chrono::seconds(static_cast<int64_t>(value));
            },
            meaning};
}

constexpr NumberKey kNumbers[] = {
    seconds_key<&BranchOptions::retry>("retry-s", 86'400,
                                       "After a failure, how long until it begins again; 0: never."),
    seconds_key<&BranchOptions::split_after>("split-after-s", 604'800,
                                             "A new file after so long, at a key frame; 0: never."),
    {"split-after-bytes", uint64_t{1} << 50,
     [](const BranchOptions& branch) { return branch.split_after_bytes; },
     [](BranchOptions& branch, uint64_t value) { branch.split_after_bytes = value; },
     "A new file after so many bytes of media, at a key frame; 0: never."},
    seconds_key<&BranchOptions::key_frame_interval>(
        "key-frame-interval-s", 3600,
        "How often a key frame is asked for, to make a file seekable; 0: never."),
};

bool is_name(const std::string& text, bool capitals) {
    return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [&](char c) {
        return g_ascii_islower(c) || g_ascii_isdigit(c) || c == '-' || c == '_' ||
               (capitals && g_ascii_isupper(c));
    });
}

BranchOptions& find_or_add(Config& config, const std::string& name, const std::string& where) {
    auto& branches = config.media.branches;
    const auto found = std::ranges::find(branches, name, &BranchOptions::name);
    if (found != branches.end())
        return *found;
    branches.push_back({});
    branches.back().name = name;
    branches.back().where = where;
    return branches.back();
}

}  // namespace

std::optional<std::string> branch_of_group(const std::string& group) {
    constexpr std::string_view kPrefix = "branch ";
    if (!group.starts_with(kPrefix))
        return std::nullopt;
    const glib::OwnedString name(g_strdup(group.c_str() + kPrefix.size()));
    return std::string(g_strstrip(name.get()));
}

Status set_branch_key(Config& config, const std::string& branch, const std::string& key,
                      const std::string& value, const std::string& where) {
    const auto field = "branch " + branch + "." + key;
    const auto wrong = [&](const std::string& allowed) {
        return Error{ErrorCode::InvalidArgument,
                     where + field + " is \"" + value + "\"; allowed is " + allowed, field};
    };
    if (!is_name(branch, true))
        return Error{ErrorCode::InvalidArgument, where + "a branch is called \"" + branch +
                                                     "\"; allowed are 1 to " + std::to_string(kMaxName) +
                                                     " of a-z, A-Z, 0-9, '-' and '_'"};
    if (!is_name(key, false))
        return Error{ErrorCode::InvalidArgument, where + "there is no key \"" + key + "\" for a branch",
                     field};
    auto& options = find_or_add(config, branch, where);
    if (key == "pipeline") {
        if (value.empty() || value.find('/') != std::string::npos)
            return wrong("the name of a file in paths.pipelines or among those of the server");
        options.pipeline = value;
        options.where = where;
        return Ok{};
    }
    if (key == "start") {
        const auto start = std::ranges::find(kStarts, value);
        if (start == std::end(kStarts))
            return wrong("on-request or on-produce");
        options.start = static_cast<BranchOptions::Start>(start - kStarts);
        return Ok{};
    }
    const auto number =
        std::ranges::find_if(kNumbers, [&](const NumberKey& each) { return key == each.name; });
    if (number == std::end(kNumbers)) {
        options.values[key] = {value, where};
        return Ok{};
    }
    uint64_t given = 0;
    const char* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, given);
    if (error != std::errc() || at != end || given > number->max)
        return wrong("a whole number from 0 to " + std::to_string(number->max));
    number->set(options, given);
    return Ok{};
}

std::string print_branches(const Config& config) {
    std::string text =
        "\n# Branches: a pipeline that is attached to each producer, by any number of groups [branch NAME]:\n"
        "#   pipeline  The template's file name, looked for in paths.pipelines, then among those of the "
        "server.\n"
        "#   start     on-request (default): by a call of the API. on-produce: by itself.\n";
    for (const auto& number : kNumbers)
        text += std::string("#   ") + number.name + "  " + number.meaning + " Default: 0. Allowed: 0 to " +
                std::to_string(number.max) + ".\n";
    text +=
        "# Every other key is the value of a hole of the template, in which may stand ${room}, ${user}, "
        "${branch},\n"
        "# ${started}, ${segment}, ${track}, ${codec} and ${recordings} (docs/pipelines.md).\n";
    for (const auto& branch : config.media.branches) {
        text += "\n[branch " + branch.name + "]\npipeline = " + branch.pipeline +
                "\nstart = " + kStarts[static_cast<int>(branch.start)] + "\n";
        for (const auto& number : kNumbers)
            text += std::string(number.name) + " = " + std::to_string(number.get(branch)) + "\n";
        for (const auto& [hole, value] : branch.values) text += hole + " = " + value.text + "\n";
    }
    return text;
}

}  // namespace sluice::app
