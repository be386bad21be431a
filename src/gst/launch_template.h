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

/// One file of pipelines/: text with ${name} holes, '#' comment lines, and named elements. A comment line
/// "# example: hole=value ..." gives values (whole numbers, true and false, else text without blanks) to try
/// it with.
class LaunchTemplate {
public:
    static Result<LaunchTemplate> parse(std::string name, std::string_view text);

    /// Every hole filled once; a value without a hole and a hole without a value are both errors.
    Result<std::string> expand(const LaunchValues& values) const;
    /// A floating-sunk bin holding the elements; fails if an element or property is unknown.
    Result<Ref<GstElement>> build(const LaunchValues& values) const;
    /// Built from the header's "# example: hole=value ..." line: whether this machine can run it.
    Status build_example() const;

    const std::vector<std::string>& holes() const { return holes_; }
    const std::string& name() const { return name_; }

private:
    std::string name_;
    std::string body_;
    LaunchValues example_;
    std::vector<std::string> holes_;
};

}  // namespace sluice::gst
