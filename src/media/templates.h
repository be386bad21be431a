#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gst/launch_template.h"

namespace sluice::media {

/// The folders of pipeline templates: the user's own, if there is one, then the one that came with the
/// server.
class Templates {
public:
    explicit Templates(std::vector<std::string> folders) : folders_(std::move(folders)) {}

    /// From the first folder that has a file of that name. NotFound names the folders.
    Result<gst::LaunchTemplate> load(const std::string& name) const;
    /// Of all files *.launch, each once.
    std::vector<std::string> names() const;
    /// A table for people: every template with what it takes and gives, its holes and file, and whether this
    /// machine can run it. Builds each, so after elements::init().
    std::string table() const;

private:
    /// In the first folder that has it; empty: none.
    std::string path_of(const std::string& name) const;

    std::vector<std::string> folders_;
};

}  // namespace sluice::media
