#include "media/templates.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace sluice::media {
namespace {

constexpr size_t kColumns = 5;
using Row = std::array<std::string, kColumns>;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text.empty() ? "-" : text;
}

/// All columns but the last are as wide as their widest cell.
std::string aligned(const std::vector<Row>& rows) {
    std::array<size_t, kColumns> widths{};
    for (const auto& row : rows)
        for (size_t i = 0; i + 1 < kColumns; i++) widths[i] = std::max(widths[i], row[i].size() + 2);
    std::string text;
    for (const auto& row : rows) {
        for (size_t i = 0; i < kColumns; i++)
            text += row[i] + std::string(widths[i] - std::min(widths[i], row[i].size()), ' ');
        text += "\n";
    }
    return text;
}

}  // namespace

Result<gst::LaunchTemplate> Templates::load(const std::string& name) const {
    std::string searched;
    for (const auto& folder : folders_) {
        searched += (searched.empty() ? "" : " and ") + folder;
        std::ifstream file(folder + "/" + name);
        std::stringstream text;
        if (!name.empty() && name.find('/') == std::string::npos && text << file.rdbuf())
            return gst::LaunchTemplate::parse(name, text.str());
    }
    return Error{ErrorCode::NotFound,
                 "there is no template \"" + name + "\" in " + searched + " (paths.pipelines)"};
}

std::vector<std::string> Templates::names() const {
    std::set<std::string> names;
    for (const auto& folder : folders_) {
        std::error_code error;
        for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
             entry.increment(error))
            if (entry->path().extension() == ".launch")
                names.insert(entry->path().filename().string());
    }
    return {names.begin(), names.end()};
}

std::string Templates::table() const {
    std::vector<Row> rows{{"TEMPLATE", "TRACKS", "HOLES", "FILE", "RUNS HERE"}};
    for (const auto& name : names()) {
        std::string file;
        for (const auto& folder : folders_)
            if (std::error_code error; file.empty() && std::filesystem::exists(folder + "/" + name, error))
                file = folder + "/" + name;
        const auto loaded = load(name);
        const auto built = loaded ? loaded->build_example() : Status(loaded.error());
        rows.push_back({name, loaded ? joined(loaded->parts()) : "?", loaded ? joined(loaded->holes()) : "?",
                        file, built ? "yes" : "no: " + built.error().message});
    }
    return aligned(rows);
}

}  // namespace sluice::media
