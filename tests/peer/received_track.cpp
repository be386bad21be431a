#include "peer/received_track.h"

#include <algorithm>
#include <cmath>

namespace sluice::peer {
namespace {

constexpr int kNackLimit = 10;
constexpr size_t kMissingLimit = 1000;

}  // namespace

void ReceivedTrack::on_packet(const rtp::Parsed& packet, Time at) {
    const uint16_t sequence = packet.header.sequence;
    const bool first = packets_ == 0;
    const int64_t extended = first ? sequence : highest_ + int16_t(sequence - uint16_t(highest_));
    if (first) {
        first_ = extended;
        highest_ = extended - 1;
        first_at_ = at;
    }
    if (extended > highest_) {
        for (int64_t s = highest_ + 1; s < extended && missing_.size() < kMissingLimit; s++) missing_[s] = 0;
        highest_ = extended;
    } else if (missing_.erase(extended)) {
        reordered_++;
    } else {
        duplicates_++;
        return;
    }
    packets_++;
    extension_ids_ |= packet.extension_ids;
    on_jitter(packet.header.timestamp, at);
    on_payload(packet.payload, at, extended);
    last_at_ = std::max(last_at_, at);
}

void ReceivedTrack::on_retransmission(uint16_t sequence, Bytes payload, Time at) {
    const int64_t extended = highest_ + int16_t(sequence - uint16_t(highest_));
    if (packets_ == 0 || !missing_.erase(extended)) {
        duplicates_++;
        return;
    }
    recovered_++;
    on_payload(payload, at, extended);
}

void ReceivedTrack::on_payload(Bytes payload, Time at, int64_t extended) {
    const auto mark = rtp::read_mark(payload);
    const auto frame = kind_ == Kind::Video ? rtp::read_frame(codec_, payload) : rtp::Frame{};
    if (!mark || !frame) {
        damaged_++;
        return;
    }
    if (frame->key_frame) {
        key_frames_++;
        if (first_key_frame_at_ == Time::zero())
            first_key_frame_at_ = at;
        if (packets_ == 1)
            began_with_key_frame_ = true;
    }
    delays_.push_back(at - mark->sent);
    if (!last_mark_ || extended > last_marked_)
        on_next(*mark, at, extended);
}

void ReceivedTrack::on_next(const rtp::Mark& mark, Time at, int64_t extended) {
    Time pause{};
    if (last_mark_ && last_mark_->track == mark.track) {
        const int64_t sent = int64_t(mark.number) - last_mark_->number;
        left_out_ += uint64_t(std::max<int64_t>(0, sent - (extended - last_marked_)));
        if (sent == 1)
            pause = mark.sent - last_mark_->sent;
    }
    if (!std::exchange(timing_restarted_, false))
        longest_gap_ = std::max(longest_gap_, at - last_at_ - pause);
    last_mark_ = mark;
    last_marked_ = extended;
}

/// RFC 3550 section 6.4.1.
void ReceivedTrack::on_jitter(uint32_t timestamp, Time at) {
    const double clock = kind_ == Kind::Audio ? 48'000 : 90'000;
    const double transit = std::chrono::duration<double>(at).count() * clock - timestamp;
    const double change = std::abs(transit - last_transit_);
    if (packets_ > 1 && change < clock)  // Not over a jump of the timestamps.
        jitter_ += (change - jitter_) / 16;
    last_transit_ = transit;
}

void ReceivedTrack::on_sender_report(const rtcp::Received& report, Time at) {
    sender_report_ = report.sender_info();
    last_sr_ = report.ntp_middle();
    last_sr_at_ = at;
}

rtcp::ReportBlock ReceivedTrack::report_block() {
    const int64_t expected = highest_ - first_ + 1;
    const int64_t lost = std::max<int64_t>(0, expected - int64_t(packets_));
    const int64_t new_expected = expected - std::exchange(reported_expected_, expected);
    const int64_t new_lost = std::max<int64_t>(0, lost - std::exchange(reported_lost_, lost));
    const auto since_sr = std::chrono::duration<double>(now() - last_sr_at_).count();
    return {.ssrc = ssrc_,
            .fraction_lost =
                uint8_t(new_expected > 0 ? std::min<int64_t>(255, new_lost * 256 / new_expected) : 0),
            .lost = uint32_t(std::min<int64_t>(lost, 0x7FFFFF)),
            .highest_sequence = uint32_t(highest_),
            .jitter = uint32_t(jitter_),
            .last_sr = last_sr_,
            .delay_since_last_sr = last_sr_ ? uint32_t(since_sr * 65536) : 0};
}

std::vector<uint16_t> ReceivedTrack::to_nack() {
    std::vector<uint16_t> sequence_numbers;
    for (auto& [extended, asked] : missing_)
        if (asked++ < kNackLimit)
            sequence_numbers.push_back(uint16_t(extended));
    return sequence_numbers;
}

Time ReceivedTrack::delay(double quantile) const {
    if (delays_.empty())
        return Time::zero();
    std::vector<Time> sorted = delays_;
    const auto nth = sorted.begin() + long(quantile * double(sorted.size() - 1));
    std::ranges::nth_element(sorted, nth);
    return *nth;
}

void ReceivedTrack::restart_timing() {
    longest_gap_ = Time::zero();
    delays_.clear();
    timing_restarted_ = true;
}

}  // namespace sluice::peer
