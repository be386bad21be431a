#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

/// What is wrong with an id of a room or a user, as "must be ..."; nothing when it is one.
std::optional<std::string> fault_of_id(std::string_view id);

/// Decodes one segment of a path; nothing when a '%' is not followed by two hexadecimal digits.
std::optional<std::string> percent_decoded(std::string_view segment);

}  // namespace sluice::http
