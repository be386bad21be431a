#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The pieces of SDP's grammar that values are checked against before they may stand in a description of
/// ours.
namespace sluice::media::sdp {

/// RFC 8866 section 9: token.
bool is_token(std::string_view text, size_t max = 128);
/// RFC 8839 section 5.4: ice-ufrag is 4 to 256 ice-chars, ice-pwd 22 to 256.
bool is_ice_chars(std::string_view text, size_t min, size_t max);
/// Printable ASCII, so that it cannot end a line.
bool is_printable(std::string_view text, size_t max);

/// Cuts `text` at the first `separator` and returns what stood before it.
std::string_view take_word(std::string_view& text, char separator = ' ');
std::vector<std::string_view> words(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

template <typename Number>
std::optional<Number> number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// The value of `name` in fmtp parameters such as "apt=96;profile-id=0"; nullopt if it is not there.
std::optional<std::string_view> parameter(std::string_view fmtp, std::string_view name);

}  // namespace sluice::media::sdp
