#include "media/branch_recipe.h"

#include <algorithm>

#include <glib.h>

#include "base/text.h"

namespace sluice::media {
namespace {

constexpr size_t kMaxText = 200;

std::string listed(const std::vector<std::string>& names) {
    return names.empty() ? "nothing" : joined(names);
}

bool is_plain(const std::string& text) {
    return !text.empty() && text.size() <= kMaxText &&
           std::ranges::none_of(text, [](char c) { return g_ascii_iscntrl(c); });
}

/// The first hole that a description of what is sent cannot do without; empty: all are there.
std::string missing_for_sdp(const gst::LaunchTemplate& chain) {
    if (chain.sdp().empty())
        return {};
    std::vector<std::string> needed{"host"};
    for (const auto& part : chain.parts()) needed.push_back(part.substr(0, part.find(' ')) + "-port");
    const auto missing =
        std::ranges::find_if_not(needed, [&](const std::string& hole) { return chain.has_hole(hole); });
    return missing == needed.end() ? "" : *missing;
}

}  // namespace

std::string part_of(const sdp::OutTrack& track) {
    return std::string(sdp::to_string(track.kind)) + " " + track.codec.name;
}

Result<BranchRecipe> BranchRecipe::make(const BranchOptions& options,
                                        const std::shared_ptr<const Templates>& templates,
                                        const std::string& recordings) {
    const auto wrong = [](const std::string& text) { return Error{ErrorCode::InvalidArgument, text}; };
    auto chain = templates->load(options.pipeline);
    if (!chain)
        return wrong(options.where + "pipeline: " + chain.error().message);
    BranchRecipe recipe{options, std::move(chain).value(), recordings, templates};
    if (recipe.chain.parts().empty())
        return wrong(options.where + "pipeline: " + options.pipeline +
                     " is no branch: it has no part such as [audio opus]");
    for (const auto& [hole, value] : options.values)
        if (!recipe.chain.has_hole(hole))
            return wrong(value.where + "there is no key \"" + hole + "\" for " + options.pipeline +
                         "; its holes are " + listed(recipe.chain.holes()));
    const bool splits = options.split_after.count() > 0 || options.split_after_bytes > 0;
    if (const auto location = options.values.find("location");
        splits && location != options.values.end() &&
        location->second.text.find("${segment}") == std::string::npos)
        // RecordingFile has no more than a thousand files of one name.
        return wrong(location->second.where + "location: a recording that is split needs ${segment} in it");
    for (const auto& open : recipe.chain.open())
        if (recipe.is_path(open.hole))
            return wrong(options.where + options.pipeline + ": \"# open: " + open.hole +
                         "\": a request names no file");
    if (const auto needed = missing_for_sdp(recipe.chain); !needed.empty())
        return wrong(options.where + options.pipeline + ": \"# sdp: " + recipe.chain.sdp() +
                     "\" needs the hole " + needed);
    for (const auto& hole : recipe.chain.holes())
        if (!recipe.may_be_filled(hole))
            return wrong(options.where + hole + ": is missing, and " + options.pipeline +
                         " has no default for it");
    const auto values = recipe.values(sample_placeholders(), {});
    if (!values)
        return values.error();
    if (const auto built = recipe.chain.build_example(*values); !built)
        return wrong(options.where + built.error().message);
    if (!recipe.chain.finisher().empty())
        if (const auto finisher = templates->load(recipe.chain.finisher()); !finisher)
            return wrong(options.where + options.pipeline + ": finisher: " + finisher.error().message);
    return recipe;
}

Status BranchRecipe::check(const BranchParameters& parameters) const {
    for (const auto& [name, value] : parameters) {
        const auto field = "parameters." + name;
        const auto& all = chain.open();
        const auto open = std::ranges::find(all, name, &gst::LaunchParameter::hole);
        if (open == all.end()) {
            std::vector<std::string> names;
            for (const auto& parameter : all) names.push_back(parameter.hole);
            return Error{ErrorCode::InvalidArgument, "is not open to a request; open are " + listed(names),
                         field};
        }
        const auto* number = std::get_if<long>(&value);
        const auto* text = std::get_if<std::string>(&value);
        if (open->number && (!number || *number < open->min || *number > open->max))
            return Error{ErrorCode::InvalidArgument,
                         "must be a whole number from " + std::to_string(open->min) + " to " +
                             std::to_string(open->max),
                         field};
        if (!open->number && (!text || !is_plain(*text)))
            return Error{
                ErrorCode::InvalidArgument,
                "must be a string of 1 to " + std::to_string(kMaxText) + " bytes without control characters",
                field};
    }
    return Ok{};
}

bool BranchRecipe::may_be_filled(const std::string& hole) const {
    const bool by_request =
        options.start == BranchOptions::Start::OnRequest &&
        std::ranges::any_of(chain.open(), [&](const auto& open) { return open.hole == hole; });
    return by_request || hole == chain.sdp() || options.values.contains(hole) ||
           chain.defaults().contains(hole);
}

bool BranchRecipe::is_path(std::string_view hole) const {
    return hole == "location" || hole == chain.path() || hole == chain.sdp();
}

bool BranchRecipe::takes(const sdp::OutTrack& track) const {
    return chain.has_part(part_of(track));
}

bool BranchRecipe::takes_kind(sdp::Kind kind) const {
    return std::ranges::any_of(chain.parts(), [&](const std::string& part) {
        return part.starts_with(std::string(sdp::to_string(kind)) + " ");
    });
}

Result<gst::LaunchValues> BranchRecipe::values(const Placeholders& known,
                                               const BranchParameters& parameters) const {
    gst::LaunchValues all;
    for (const auto& [hole, value] : options.values) {
        auto text = is_path(hole) ? fill_path(value.text, known) : fill(value.text, known);
        if (!text)
            return Error{ErrorCode::InvalidArgument, value.where + hole + ": " + text.error().message};
        all[hole] = std::move(text).value();
    }
    for (const auto& [hole, value] : parameters)
        std::visit([&, &slot = all[hole]](const auto& given) { slot = given; }, value);
    return all;
}

}  // namespace sluice::media
