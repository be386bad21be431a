#include "http/tokens.h"

#include <memory>
#include <string_view>

#include <glib.h>

namespace sluice::http {
namespace {

std::string digest(std::string_view token) {
    const std::unique_ptr<char, decltype(&g_free)> hex(
        g_compute_checksum_for_string(G_CHECKSUM_SHA256, token.data(), static_cast<gssize>(token.size())),
        g_free);
    return hex.get();
}

}  // namespace

Tokens::Tokens(const std::vector<std::string>& tokens) {
    for (const auto& token : tokens) digests_.push_back(digest(token));
}

bool Tokens::accept(const char* authorization) const {
    constexpr std::string_view kScheme = "Bearer ";
    if (!authorization || g_ascii_strncasecmp(authorization, kScheme.data(), kScheme.size()) != 0)
        return false;
    const std::string offered = digest(authorization + kScheme.size());
    bool accepted = false;
    for (const auto& known : digests_) {
        int difference = 0;
        for (size_t i = 0; i < known.size(); i++) difference |= known[i] ^ offered[i];
        accepted |= difference == 0;
    }
    return accepted;
}

}  // namespace sluice::http
