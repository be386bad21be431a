#include "media/sdp/grammar.h"

#include <algorithm>

#include <glib.h>

namespace sluice::media::sdp {

bool is_token(std::string_view text, size_t max) {
    return !text.empty() && text.size() <= max && std::ranges::all_of(text, [](char c) {
        return g_ascii_isalnum(c) || std::string_view("!#$%&'*+-.^_`{|}~").find(c) != std::string_view::npos;
    });
}

bool is_protocol(std::string_view text) {
    if (text.empty() || text.size() > 64 || text.ends_with('/'))
        return false;
    while (!text.empty())
        if (!is_token(take_word(text, '/')))
            return false;
    return true;
}

bool is_ice_chars(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return g_ascii_isalnum(c) || c == '+' || c == '/'; });
}

bool is_printable(std::string_view text, size_t max) {
    return text.size() <= max && std::ranges::all_of(text, [](char c) { return g_ascii_isprint(c); });
}

bool is_digits(std::string_view text, size_t max) {
    return !text.empty() && text.size() <= max &&
           std::ranges::all_of(text, [](char c) { return g_ascii_isdigit(c); });
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

std::string quoted(std::string_view value) {
    constexpr size_t kMax = 64;
    std::string shown(value.substr(0, kMax));
    std::ranges::replace_if(
        shown, [](char c) { return !g_ascii_isprint(c); }, '?');
    return "\"" + shown + (value.size() > kMax ? "...\"" : "\"");
}

std::vector<Parameter> parameters(std::string_view fmtp) {
    std::vector<Parameter> result;
    while (!fmtp.empty()) {
        auto pair = take_word(fmtp, ';');
        while (pair.starts_with(' ')) pair.remove_prefix(1);
        const auto name = take_word(pair, '=');
        if (!name.empty())
            result.push_back({name, pair});
    }
    return result;
}

std::optional<std::string_view> parameter(std::string_view fmtp, std::string_view name) {
    for (const auto& known : parameters(fmtp))
        if (equals_ignoring_case(known.name, name))
            return known.value;
    return std::nullopt;
}

}  // namespace sluice::media::sdp
