#pragma once

#include <memory>
#include <optional>
#include <span>

#include "peer/dtls.h"

struct srtp_ctx_t_;

namespace sluice::peer {

/// Protection of both directions of one connection (RFC 3711, RFC 7714), by libsrtp.
class SrtpSession {
public:
    explicit SrtpSession(const SrtpKeys& keys);

    /// The protected packet.
    Packet protect_rtp(Packet packet);
    Packet protect_rtcp(Packet packet);
    /// In place; nullopt if it is a replay or not authentic, which is counted.
    std::optional<std::span<uint8_t>> unprotect_rtp(std::span<uint8_t> packet);
    std::optional<std::span<uint8_t>> unprotect_rtcp(std::span<uint8_t> packet);
    uint64_t replayed() const { return replayed_; }
    uint64_t not_authentic() const { return not_authentic_; }

private:
    template <auto Unprotect>
    std::optional<std::span<uint8_t>> unprotect(std::span<uint8_t> packet);

    struct Free {
        void operator()(srtp_ctx_t_* context) const;
    };
    std::unique_ptr<srtp_ctx_t_, Free> out_;
    std::unique_ptr<srtp_ctx_t_, Free> in_;
    uint64_t replayed_ = 0;
    uint64_t not_authentic_ = 0;
};

}  // namespace sluice::peer
