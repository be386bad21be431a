#include "media/templates.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.h"

namespace sluice::media {
namespace {

constexpr size_t kColumns = 6;
using Row = std::array<std::string, kColumns>;

std::string cell(const std::vector<std::string>& names) {
    return names.empty() ? "-" : joined(names);
}

/// The rest of the line is for who reads the template.
std::string gives(const gst::LaunchTemplate& chain) {
    return chain.out().empty() ? "-" : chain.out().substr(0, chain.out().find(';'));
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

std::string Templates::path_of(const std::string& name) const {
    std::error_code error;
    for (const auto& folder : folders_)
        if (const auto path = folder + "/" + name;
            name.find('/') == std::string::npos && std::filesystem::is_regular_file(path, error))
            return path;
    return {};
}

Result<gst::LaunchTemplate> Templates::load(const std::string& name) const {
    const auto path = path_of(name);
    if (path.empty())
        return Error{ErrorCode::NotFound, "there is no template \"" + name + "\" in " +
                                              joined(folders_, " and ") + " (paths.pipelines)"};
    std::stringstream text;
    if (!(text << std::ifstream(path).rdbuf()))
        return Error{ErrorCode::Internal, path + ": cannot be read"};
    return gst::LaunchTemplate::parse(name, text.str());
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
    std::vector<Row> rows{{"TEMPLATE", "TAKES", "GIVES", "HOLES", "FILE", "RUNS HERE"}};
    for (const auto& name : names()) {
        const auto loaded = load(name);
        const auto built = loaded ? loaded->build_example() : Status(loaded.error());
        rows.push_back({name, loaded ? cell(loaded->parts()) : "?", loaded ? gives(*loaded) : "?",
                        loaded ? cell(loaded->holes()) : "?", path_of(name),
                        built ? "yes" : "no: " + built.error().message});
    }
    return aligned(rows);
}

}  // namespace sluice::media
