#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

#include "ice/network.h"

namespace sluice::ice {

/// Counts what is RTP, and not RTCP, STUN or DTLS (RFC 7983, RFC 5761 section 4). Any thread.
class TrafficCounter {
public:
    static bool is_rtp(std::span<const uint8_t> datagram) {
        if (datagram.size() < 12 || datagram[0] < 128 || datagram[0] > 191)
            return false;
        const int type = datagram[1] & 0x7f;
        return type < 64 || type > 95;
    }

    void count(std::span<const uint8_t> datagram) {
        if (!is_rtp(datagram))
            return;
        add(1, datagram.size() - std::min(datagram.size(), kSrtpTag));
    }
    /// `bytes` without the SRTP tag.
    void add(uint64_t packets, uint64_t bytes) {
        packets_.fetch_add(packets, std::memory_order_relaxed);
        bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }
    Traffic now() const { return {packets_, bytes_}; }

private:
    static constexpr size_t kSrtpTag = 10;  ///< AES_CM_128_HMAC_SHA1_80, all that the server negotiates

    std::atomic<uint64_t> packets_{0}, bytes_{0};
};

}  // namespace sluice::ice
