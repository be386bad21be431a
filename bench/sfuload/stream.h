#pragma once

#include <array>
#include <optional>

#include "peer/rtcp.h"
#include "peer/sdp.h"

namespace sluice::load {

/// What has come of one SSRC, by its sequence numbers and the times of arrival.
class Stream {
public:
    struct Counts {
        uint64_t expected = 0;  ///< From the first sequence number to the highest.
        uint64_t received = 0;  ///< Of those, each once.
        uint64_t duplicates = 0;
        uint64_t reordered = 0;  ///< Came after a later one.
    };
    struct Gaps {
        peer::Time longest{};
        uint64_t over_60_ms = 0;
        uint64_t over_150_ms = 0;
    };

    Stream(uint32_t ssrc, peer::Kind kind) : ssrc_(ssrc), kind_(kind) {}

    /// Counts a packet. Its extended sequence number; nullopt for a duplicate, or one too old to tell (1,024
    /// behind).
    std::optional<uint64_t> on_packet(uint16_t sequence, uint32_t timestamp, peer::Time at);
    void on_sender_report(uint32_t ntp_middle, peer::Time at);
    peer::rtcp::ReportBlock report_block();
    /// Gaps from now on.
    void restart_gaps() { gaps_ = {}; }

    uint32_t ssrc() const { return ssrc_; }
    peer::Kind kind() const { return kind_; }
    Counts counts() const;
    const Gaps& gaps() const { return gaps_; }

private:
    void on_jitter(uint32_t timestamp, peer::Time at);

    static constexpr int64_t kWindow = 1024;
    uint32_t ssrc_;
    peer::Kind kind_;
    bool started_ = false;
    int64_t first_ = 0;
    int64_t highest_ = 0;
    std::array<uint64_t, kWindow / 64> seen_{};  ///< The last kWindow sequence numbers up to the highest.
    uint64_t received_ = 0;
    uint64_t duplicates_ = 0;
    uint64_t reordered_ = 0;
    peer::Time last_at_{};
    Gaps gaps_;

    double jitter_ = 0;
    double last_transit_ = 0;
    uint32_t last_sr_ = 0;
    peer::Time last_sr_at_{};
    uint64_t reported_expected_ = 0;
    uint64_t reported_received_ = 0;
};

}  // namespace sluice::load
