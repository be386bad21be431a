#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace sluice::peer {

inline uint64_t random_number() {
    static std::mt19937_64 generator{std::random_device{}()};
    return generator();
}

/// Letters and digits, fit for ICE credentials, CNAMEs and msids.
inline std::string random_token(size_t length) {
    static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    std::string token;
    while (token.size() < length) token += kAlphabet[random_number() % (sizeof kAlphabet - 1)];
    return token;
}

}  // namespace sluice::peer
