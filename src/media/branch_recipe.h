#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gst/launch_template.h"
#include "media/branch_options.h"
#include "media/media.h"
#include "media/placeholders.h"
#include "media/sdp/consumer_sdp.h"
#include "media/templates.h"

namespace sluice::media {

/// What a track is called in a template: "audio opus".
std::string part_of(const sdp::OutTrack& track);

/// A [branch NAME] group with its template.
struct BranchRecipe {
    BranchOptions options;
    gst::LaunchTemplate chain;
    std::string recordings;  ///< paths.recordings
    std::shared_ptr<const Templates> templates;

    /// The template loaded, and tried with sample values. An error says which line of the configuration is
    /// wrong.
    static Result<BranchRecipe> make(const BranchOptions& options,
                                     const std::shared_ptr<const Templates>& templates,
                                     const std::string& recordings);

    /// Whether there is a value for that hole, or a request may bring one.
    bool may_be_filled(const std::string& hole) const;
    /// Whether the value of that hole is the name of a file.
    bool is_path(std::string_view hole) const;
    bool takes(const sdp::OutTrack& track) const;
    bool takes_kind(sdp::Kind kind) const;
    /// InvalidArgument names the field of a parameter that the template does not leave open, or that is not
    /// in its range.
    Status check(const BranchParameters& parameters) const;
    /// The configuration's values for a segment, over which those of a request stand.
    Result<gst::LaunchValues> values(const Placeholders& known, const BranchParameters& parameters) const;
};

}  // namespace sluice::media
