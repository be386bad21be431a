// Any bytes: parsed or refused, never more. What is parsed lies within the datagram.
#include <algorithm>
#include <cstdlib>

#include "ice/stun.h"

using namespace sluice::ice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> datagram(data, size);
    const auto message = stun::parse(datagram);
    if (!message)
        return 0;
    const auto* username = reinterpret_cast<const uint8_t*>(message->username.data());
    if (!message->username.empty() && (username < data || username + message->username.size() > data + size))
        abort();
    if (message->verify("a password that nobody has guessed"))
        abort();
    return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

/// Half of the time with a right FINGERPRINT, without which nothing comes far.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 2 != 0 || max_size < 28)
        return size;
    size_t body = std::min(size < 20 ? 20 : size, max_size - 8);
    body -= body % 4;
    for (size_t i = size; i < body; i++) data[i] = 0;
    constexpr uint8_t kCookie[] = {0x21, 0x12, 0xA4, 0x42};
    std::copy(std::begin(kCookie), std::end(kCookie), data + 4);
    data[0] &= 0x3F;
    data[2] = static_cast<uint8_t>((body + 8 - 20) >> 8);
    data[3] = static_cast<uint8_t>(body + 8 - 20);
    uint32_t crc = ~0U;
    for (size_t i = 0; i < body; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
    }
    crc = ~crc ^ 0x5354554E;
    const uint8_t fingerprint[] = {0x80,
                                   0x28,
                                   0,
                                   4,
                                   static_cast<uint8_t>(crc >> 24),
                                   static_cast<uint8_t>(crc >> 16),
                                   static_cast<uint8_t>(crc >> 8),
                                   static_cast<uint8_t>(crc)};
    std::copy(std::begin(fingerprint), std::end(fingerprint), data + body);
    return body + 8;
}
