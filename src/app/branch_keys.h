#pragma once

#include <optional>
#include <string>

#include "app/config.h"

namespace sluice::app {

/// "branch recording": "recording"; nothing, if the group is none of a branch.
std::optional<std::string> branch_of_group(const std::string& group);

/// Sets one key of a [branch NAME] group. What is no key of every branch is taken for a hole of its template,
/// which media judges later. `where` is "FILE:LINE: ".
Status set_branch_key(Config& config, const std::string& branch, const std::string& key,
                      const std::string& value, const std::string& where);

/// The groups as a key file has them, after a comment that says what may stand in one.
std::string print_branches(const Config& config);

}  // namespace sluice::app
