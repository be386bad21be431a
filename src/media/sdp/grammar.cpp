#include "media/sdp/grammar.h"

#include <algorithm>

#include <glib.h>

namespace sluice::media::sdp {

bool is_token(std::string_view text, size_t max) {
    return !text.empty() && text.size() <= max && std::ranges::all_of(text, [](char c) {
        return g_ascii_isalnum(c) || std::string_view("!#$%&'*+-.^_`{|}~").find(c) != std::string_view::npos;
    });
}

bool is_ice_chars(std::string_view text, size_t min, size_t max) {
    return text.size() >= min && text.size() <= max &&
           std::ranges::all_of(text, [](char c) { return g_ascii_isalnum(c) || c == '+' || c == '/'; });
}

bool is_printable(std::string_view text, size_t max) {
    return text.size() <= max && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string_view take_word(std::string_view& text, char separator) {
    const auto end = std::min(text.find(separator), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> result;
    while (!text.empty())
        if (const auto word = take_word(text); !word.empty())
            result.push_back(word);
    return result;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), g_ascii_tolower);
    return result;
}

std::string upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), g_ascii_toupper);
    return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && g_ascii_strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<std::string_view> parameter(std::string_view fmtp, std::string_view name) {
    while (!fmtp.empty()) {
        auto pair = take_word(fmtp, ';');
        while (pair.starts_with(' ')) pair.remove_prefix(1);
        const auto key = take_word(pair, '=');
        if (equals_ignoring_case(key, name))
            return pair;
    }
    return std::nullopt;
}

}  // namespace sluice::media::sdp
