#include "media/templates.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace sluice::media {

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

}  // namespace sluice::media
