#include "http/ids.h"

#include <glib.h>

#include "base/owned.h"

namespace sluice::http {

std::optional<std::string> fault_of_id(std::string_view id) {
    constexpr size_t kMaxBytes = 128;
    if (id.empty() || id.size() > kMaxBytes)
        return "must be 1 to 128 bytes long, not " + std::to_string(id.size());
    if (!g_utf8_validate_len(id.data(), id.size(), nullptr))
        return "must be UTF-8 without U+0000";
    for (const char* c = id.data(); c < id.data() + id.size(); c = g_utf8_next_char(c))
        if (g_unichar_iscntrl(g_utf8_get_char(c)))
            return "must not contain control characters";
    if (id == "." || id == "..")
        return "must not be \".\" or \"..\", which a path cannot carry (RFC 3986, section 5.2.4)";
    return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view segment) {
    const glib::Owned<GBytes, g_bytes_unref> bytes(
        g_uri_unescape_bytes(segment.data(), static_cast<gssize>(segment.size()), nullptr, nullptr));
    if (!bytes)
        return std::nullopt;
    size_t size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(bytes.get(), &size));
    return std::string(data ? data : "", size);
}

}  // namespace sluice::http
