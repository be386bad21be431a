#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "gst/ref.h"

namespace sluice::gst {

/// A value for a ${name} in a template. Strings are quoted for gst_parse_launch(), so a value can never
/// add an element or a property.
using LaunchValue = std::variant<long, double, bool, std::string>;
using LaunchValues = std::map<std::string, LaunchValue, std::less<>>;

/// A hole that a request may fill too (the template's "# open:" lines).
struct LaunchParameter {
    std::string hole;
    bool number = false;  ///< A whole number from min to max; else text.
    long min = 0;
    long max = 0;
};

/// So that the EOS of a bin made by gst_parse_launch() does not wait for its sinks of RTCP, those that are
/// named
/// "...-reports". rtpsession 1.22 passes its EOS on only if it happens to send the BYE after its pad has been
/// marked, which comes last (gst_rtp_session_send_rtcp()); goes when upstream looks at something that is
/// marked first.
void wait_for_no_reports(GstBin* bin);

/// One file of pipelines/: text with ${name} holes, '#' comment lines, and named elements. What follows a
/// line such as "[audio opus]" is a part, which is there only for a track of that kind and codec. Comment
/// lines that are read:
///
///     # example: hole=value ...     values (whole numbers, true and false, else text without blanks) to try
///                                   the template with
///     # default: hole=value ...     values for holes that nobody fills
///     # open: hole 1..3600          a hole that a request may fill: a whole number in that range,
///     # open: hole text             or text of 1 to 200 bytes without control characters
///     # finisher: other.launch      the template that makes a whole file of one that was torn
///     # path: hole                  a hole for the name of a file, as "location" is
///     # sdp: hole                   the hole that names the file in which the server says what is sent
///     # out: text                   what comes out, for people
class LaunchTemplate {
public:
    static Result<LaunchTemplate> parse(std::string name, std::string_view text);
    /// A text as gst_parse_launch() takes it for one value.
    static std::string quoted(std::string_view text);

    /// Every hole of the text and of `parts` filled once; a value without a hole and a hole without a value
    /// (or default) are both errors, and so is a part that is not there. sdp() is no hole of the text.
    Result<std::string> expand(const LaunchValues& values, const std::vector<std::string>& parts = {}) const;
    /// A floating-sunk bin holding the elements; fails if an element or property is unknown.
    Result<Ref<GstElement>> build(const LaunchValues& values,
                                  const std::vector<std::string>& parts = {}) const;
    /// Built from the header's "# example:" line, over which `values` stand, with each part in turn: whether
    /// this machine can run it.
    Status build_example(const LaunchValues& values = {}) const;

    /// Of the text and of all parts.
    const std::vector<std::string>& holes() const { return holes_; }
    bool has_hole(std::string_view hole) const;
    /// "audio opus", "video VP8", in the order of the file.
    const std::vector<std::string>& parts() const { return part_names_; }
    bool has_part(std::string_view part) const;
    const std::vector<LaunchParameter>& open() const { return open_; }
    const LaunchValues& defaults() const { return defaults_; }
    const LaunchValues& example() const { return example_; }
    const std::string& finisher() const { return finisher_; }
    const std::string& path() const { return path_; }
    const std::string& sdp() const { return sdp_; }
    const std::string& out() const { return out_; }
    const std::string& name() const { return name_; }

private:
    Status read_comment(std::string_view line);
    Status find_holes(const std::string& text);

    std::string name_;
    std::string body_;
    std::vector<std::string> part_names_;
    std::vector<std::string> part_texts_;
    LaunchValues example_;
    LaunchValues defaults_;
    std::vector<LaunchParameter> open_;
    std::vector<std::string> holes_;
    std::string finisher_;
    std::string path_;
    std::string sdp_;
    std::string out_;
};

}  // namespace sluice::gst
