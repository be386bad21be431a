#include "media/placeholders.h"

#include <glib.h>

#include "base/owned.h"

namespace sluice::media {
namespace {

/// Several of them fit into a file name of 255 bytes.
constexpr size_t kMaxName = 100;
constexpr size_t kHashDigits = 16;

std::string names_of(const Placeholders& values) {
    std::string names;
    for (const auto& [name, value] : values) names += (names.empty() ? "${" : ", ${") + name + "}";
    return names;
}

template <typename Write>
Result<std::string> replace(std::string_view text, const Placeholders& values, Write write) {
    std::string filled;
    while (!text.empty()) {
        const auto at = text.find("${");
        filled += text.substr(0, at);
        if (at == std::string_view::npos)
            break;
        const auto close = text.find('}', at);
        if (close == std::string_view::npos)
            return Error{ErrorCode::InvalidArgument, "\"${\" without \"}\""};
        const auto name = text.substr(at + 2, close - at - 2);
        const auto value = values.find(name);
        if (value == values.end())
            return Error{ErrorCode::InvalidArgument,
                         "there is no ${" + std::string(name) + "}; allowed are " + names_of(values)};
        filled += write(*value);
        text.remove_prefix(close + 1);
    }
    return filled;
}

}  // namespace

Placeholders sample_placeholders() {
    return {{"branch", "recording"},  {"codec", "opus-VP8"}, {"recordings", "/var/lib/sluice/recordings"},
            {"room", "lobby"},        {"segment", "1"},      {"started", "20260102T030405.678Z"},
            {"track", "audio-video"}, {"user", "ada"}};
}

Result<std::string> fill(std::string_view text, const Placeholders& values) {
    return replace(text, values, [](const auto& value) { return value.second; });
}

Result<std::string> fill_path(std::string_view text, const Placeholders& values) {
    return replace(text, values, [](const auto& value) {
        return value.first == "recordings" ? value.second : as_file_name(value.second);
    });
}

std::string as_file_name(std::string_view text) {
    std::string name;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == '/' || c == '%' || (c == '.' && name.empty())) {
            constexpr char kDigits[] = "0123456789ABCDEF";
            name += '%';
            name += kDigits[byte >> 4];
            name += kDigits[byte & 15];
        } else
            name += c;
    }
    if (name.size() <= kMaxName)
        return name;
    const glib::OwnedString hash(g_compute_checksum_for_data(
        G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(text.data()), text.size()));
    size_t keep = kMaxName - kHashDigits - 1;
    while (keep > 0 && (static_cast<unsigned char>(name[keep]) & 0xc0) == 0x80) keep--;  // whole characters
    return name.substr(0, keep) + "~" + std::string(hash.get(), kHashDigits);
}

}  // namespace sluice::media
