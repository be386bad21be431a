#include "sfuload/stream.h"

#include <algorithm>
#include <cmath>

namespace sluice::load {

using namespace std::chrono_literals;

std::optional<uint64_t> Stream::on_packet(uint16_t sequence, uint32_t timestamp, peer::Time at) {
    // From 2^16 on, so that a packet that was overtaken by the first one is not negative.
    constexpr int64_t kFirst = 1 << 16;
    const int64_t extended = started_ ? highest_ + int16_t(sequence - uint16_t(highest_)) : kFirst + sequence;
    if (!started_) {
        started_ = true;
        first_ = extended;
        highest_ = extended - 1;
    }
    if (extended > highest_) {
        const int64_t step = std::min(extended - highest_, kWindow);
        for (int64_t i = extended - step + 1; i <= extended; i++)
            seen_[size_t(i % kWindow / 64)] &= ~(1ULL << i % 64);
        highest_ = extended;
        if (received_ > 0) {
            const peer::Time gap = at - last_at_;
            gaps_.longest = std::max(gaps_.longest, gap);
            gaps_.over_60_ms += gap > 60ms;
            gaps_.over_150_ms += gap > 150ms;
        }
    } else if (extended <= highest_ - kWindow || extended < first_) {
        duplicates_++;
        return std::nullopt;
    } else {
        reordered_++;
    }
    uint64_t& word = seen_[size_t(extended % kWindow / 64)];
    const uint64_t bit = 1ULL << extended % 64;
    if (word & bit) {
        reordered_--;
        duplicates_++;
        return std::nullopt;
    }
    word |= bit;
    received_++;
    on_jitter(timestamp, at);
    last_at_ = std::max(last_at_, at);
    // What SRTP counts: roll-overs of the sequence number since the first packet.
    return uint64_t(extended - kFirst);
}

/// RFC 3550 section 6.4.1.
void Stream::on_jitter(uint32_t timestamp, peer::Time at) {
    const double clock = kind_ == peer::Kind::Audio ? 48'000 : 90'000;
    const double transit = std::chrono::duration<double>(at).count() * clock - timestamp;
    const double change = std::abs(transit - last_transit_);
    if (received_ > 1 && change < clock)
        jitter_ += (change - jitter_) / 16;
    last_transit_ = transit;
}

void Stream::on_sender_report(uint32_t ntp_middle, peer::Time at) {
    last_sr_ = ntp_middle;
    last_sr_at_ = at;
}

peer::rtcp::ReportBlock Stream::report_block() {
    const Counts all = counts();
    const uint64_t expected = all.expected - std::exchange(reported_expected_, all.expected);
    const uint64_t received = all.received - std::exchange(reported_received_, all.received);
    const uint64_t lost = expected > received ? expected - received : 0;
    const double since_sr = std::chrono::duration<double>(peer::now() - last_sr_at_).count();
    return {.ssrc = ssrc_,
            .fraction_lost = uint8_t(expected ? std::min<uint64_t>(255, lost * 256 / expected) : 0),
            .lost = uint32_t(std::min<uint64_t>(all.expected - all.received, 0x7FFFFF)),
            .highest_sequence = uint32_t(highest_),
            .jitter = uint32_t(jitter_),
            .last_sr = last_sr_,
            .delay_since_last_sr = last_sr_ ? uint32_t(since_sr * 65536) : 0};
}

Stream::Counts Stream::counts() const {
    return {started_ ? uint64_t(highest_ - first_ + 1) : 0, received_, duplicates_, reordered_};
}

}  // namespace sluice::load
