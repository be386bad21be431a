#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// The pieces of SDP's grammar that values are checked against before they may stand in a description of
/// ours.
namespace sluice::media::sdp {

/// RFC 8866 section 9: token.
bool is_token(std::string_view text, size_t max = 128);
/// Tokens with slashes between them, as an m-line's protocol.
bool is_protocol(std::string_view text);
/// RFC 8839 section 5.4: letters, digits, "+" and "/".
bool is_ice_chars(std::string_view text);
/// Printable ASCII, so that it cannot end a line.
bool is_printable(std::string_view text, size_t max);
bool is_digits(std::string_view text, size_t max);

/// Cuts `text` at the first `separator` and returns what stood before it.
std::string_view take_word(std::string_view& text, char separator = ' ');
std::vector<std::string_view> words(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
/// For messages: in quotes, at most 64 bytes of it, bytes that are not printable ASCII as "?".
std::string quoted(std::string_view value);

template <typename Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// "name=value" of fmtp parameters such as "apt=96;profile-id=0".
struct Parameter {
    std::string_view name;
    std::string_view value;
};
std::vector<Parameter> parameters(std::string_view fmtp);
/// The value of `name` (in any case); nullopt if it is not there.
std::optional<std::string_view> parameter(std::string_view fmtp, std::string_view name);

/// Not SDP at all.
inline Error malformed(std::string message) {
    return {ErrorCode::InvalidArgument, std::move(message)};
}
/// SDP that cannot be taken.
inline Error unacceptable(std::string message) {
    return {ErrorCode::Unacceptable, std::move(message)};
}

}  // namespace sluice::media::sdp
