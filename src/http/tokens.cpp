#include "http/tokens.h"

#include <algorithm>
#include <string_view>

#include <glib.h>

#include "base/owned.h"

namespace sluice::http {
namespace {

std::string digest(std::string_view token) {
    return glib::OwnedString(g_compute_checksum_for_string(G_CHECKSUM_SHA256, token.data(),
                                                           static_cast<gssize>(token.size())))
        .get();
}

}  // namespace

Tokens::Tokens(const std::vector<std::string>& tokens) {
    for (const auto& token : tokens) digests_.push_back(digest(token));
}

bool Tokens::accept(const char* authorization) const {
    constexpr std::string_view kScheme = "Bearer ";
    if (!authorization || g_ascii_strncasecmp(authorization, kScheme.data(), kScheme.size()) != 0)
        return false;
    std::string_view token = authorization + kScheme.size();
    token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
    const std::string offered = digest(token);
    bool accepted = false;
    for (const auto& known : digests_) {
        int difference = 0;
        for (size_t i = 0; i < known.size(); i++) difference |= known[i] ^ offered[i];
        accepted |= difference == 0;
    }
    return accepted;
}

}  // namespace sluice::http
