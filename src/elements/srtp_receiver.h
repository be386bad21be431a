#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "elements/srtp.h"

namespace sluice::elements {

/// Which of the last packets have come (RFC 3711 section 3.3.2).
class ReplayWindow {
public:
    static constexpr uint64_t kSize = 128;

    bool is_new(uint64_t index) const;
    void add(uint64_t index);
    uint64_t highest() const { return highest_; }

private:
    bool begun_ = false;
    uint64_t highest_ = 0;
    std::array<uint64_t, 2> seen_{};  ///< The lowest bit is the highest index.
};

/// Opens what one peer protected, each packet once. One thread at a time.
class SrtpReceiver {
public:
    enum class Outcome { Opened, Malformed, NotAuthentic, Replayed, TooManyStreams };
    /// More than any browser sends on one connection; a peer shall not fill the memory with streams.
    static constexpr size_t kStreams = 1024;

    explicit SrtpReceiver(const std::shared_ptr<const SrtpKeys>& keys);

    /// Opens a packet in place; `size` becomes that of the plain packet, if it is opened.
    Outcome open_rtp(uint8_t* packet, size_t& size);
    Outcome open_rtcp(uint8_t* packet, size_t& size);

private:
    using Streams = std::unordered_map<uint32_t, ReplayWindow>;  ///< By SSRC.
    static ReplayWindow* find(Streams& streams, uint32_t ssrc);
    static Outcome remember(Streams& streams, uint32_t ssrc, ReplayWindow* window, uint64_t index);

    SrtpCipher rtp_cipher_, rtcp_cipher_;
    Streams rtp_, rtcp_;
};

}  // namespace sluice::elements
