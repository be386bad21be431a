#include "peer/sender.h"

#include <algorithm>

#include "peer/random.h"

namespace sluice::peer {

using namespace std::chrono_literals;

namespace {

constexpr Time kAudioInterval = 20ms;
constexpr Time kKeyFrameInterval = 300ms;  ///< As libwebrtc: requests in between are one.
constexpr size_t kVideoPayload = 1100;
constexpr size_t kKeyFrameFactor = 4;
constexpr size_t kHistory = 512;

}  // namespace

Sender::Sender(Loop& loop, RtpOut& out, sdp::Track track, Media media)
    : out_(out),
      track_(std::move(track)),
      media_(media),
      timer_(loop, [this] { tick(); }),
      sequence_(uint16_t(random_number())),
      rtx_sequence_(uint16_t(random_number())),
      timestamp_(uint32_t(random_number())),
      picture_id_(uint16_t(random_number() & 0x7FFF)) {}

void Sender::negotiated(const sdp::Section& section) {
    const auto payload_type = section.payload_type(track_.kind == Kind::Audio ? "opus" : track_.codec);
    accepted_ = section.port != 0 && section.direction == "recvonly" && payload_type.has_value();
    if (accepted_) {
        payload_type_ = uint8_t(*payload_type);
        rtx_payload_type_ = uint8_t(section.rtx_of(*payload_type).value_or(0));
        extensions_ = {section.extension(sdp::kAudioLevel), section.extension(sdp::kAbsSendTime),
                       section.extension(sdp::kTransportCc), section.extension(sdp::kMid)};
        if (!extensions_.mid)
            extensions_.mid = media_.mid_extension;
    }
    update_flow();
}

void Sender::set_connected(bool connected) {
    connected_ = connected;
    update_flow();
}

void Sender::update_flow() {
    const bool flow = connected_ && accepted_ && track_.sending && !track_.stopped;
    if (flow == std::exchange(flowing_, flow))
        return;
    key_frame_wanted_ = true;
    frame_ = {};
    next_ = now();
    if (flow && number_ > 0)
        timestamp_ += ticks_since_last();  // The clock of the media goes on in a pause.
    flow ? tick() : timer_.stop();
}

void Sender::renew() {
    track_.ssrc++;
    if (track_.rtx_ssrc)
        track_.rtx_ssrc++;
    sequence_ -= 10'000;
    timestamp_ -= 1'000'000;
    history_.clear();
}

void Sender::on_key_frame_request() {
    key_frame_requests_.push_back(now());
    key_frame_wanted_ = true;
}

void Sender::tick() {
    // After a stall the missed ones are made up for, as an encoder's queue would, but not those of seconds.
    const auto advance = [this](Time interval) { next_ = std::max(next_ + interval, now() - 200ms); };
    if (track_.kind == Kind::Audio) {
        send_audio_packet();
        advance(kAudioInterval);
        timer_.at(next_);
        return;
    }
    if (frame_.sent == frame_.packets) {
        begin_frame();
        advance(frame_time());
    }
    do send_frame_packet();
    while (frame_.sent < frame_.packets && frame_.next <= now());
    timer_.at(frame_.sent < frame_.packets ? frame_.next : next_);
}

Time Sender::frame_time() const {
    return Time(1s) / media_.frames_per_second;
}

void Sender::send_audio_packet() {
    timestamp_ += 960;
    timestamp_at_ = now();
    Writer payload;
    payload.u8(0x78);  // TOC: CELT, fullband, 20 ms, mono, one frame
    send_packet(packets_ == 0, std::move(payload), 80 + number_ % 6 * 16);
}

void Sender::begin_frame() {
    if (media_.key_frame_interval > Time::zero() && now() - last_key_frame_ >= media_.key_frame_interval)
        key_frame_wanted_ = true;
    const bool key_frame =
        key_frame_wanted_ && (key_frames_ == 0 || now() - last_key_frame_ >= kKeyFrameInterval);
    if (key_frame) {
        key_frame_wanted_ = false;
        last_key_frame_ = now();
        key_frames_++;
    }
    timestamp_ += 90'000 / media_.frames_per_second;
    timestamp_at_ = now();
    picture_id_ = (picture_id_ + 1) & 0x7FFF;
    const size_t bytes = media_.video_bps / 8 / media_.frames_per_second * (key_frame ? kKeyFrameFactor : 1);
    const size_t packets = std::max<size_t>(1, (bytes + kVideoPayload - 1) / kVideoPayload);
    const double spread = media_.spread * (packets > 8 ? 2 : 1);
    frame_ = {.key = key_frame,
              .packets = packets,
              .packet_bytes = std::max<size_t>(bytes / packets, 64),
              .gap = Time(int64_t(double(frame_time().count()) * spread / double(packets))),
              .next = now()};
}

void Sender::send_frame_packet() {
    Writer payload;
    rtp::write_frame(payload, track_.codec, frame_.sent == 0, frame_.key, picture_id_);
    frame_.sent++;
    frame_.next += frame_.gap;
    send_packet(frame_.sent == frame_.packets, std::move(payload), frame_.packet_bytes);
}

void Sender::send_packet(bool marker, Writer payload, size_t size) {
    while (payload.size() + rtp::Mark::kSize < size) payload.u8(uint32_t(payload.size()) * 7 + number_);
    rtp::write_mark(payload, {track_.ssrc, number_++, now()});
    const rtp::Header header{payload_type_, marker, sequence_++, timestamp_, track_.ssrc};
    Writer packet;
    rtp::write_header(packet, header, extensions_, {out_.next_transport_sequence(), track_.mid});
    packet.bytes({payload.data(), payload.size()});
    octets_ += payload.size();
    history_.push_back({header, payload.take()});
    if (history_.size() > kHistory)
        history_.pop_front();
    if (lose_every && number_ % lose_every == 0)
        return;
    packets_++;
    bytes_ += packet.size();
    out_.send_rtp(packet.take());
}

void Sender::on_nack(const std::vector<uint16_t>& sequence_numbers) {
    nacked_ += sequence_numbers.size();
    for (const uint16_t sequence : sequence_numbers) retransmit(sequence);
}

void Sender::retransmit(uint16_t sequence) {
    const auto sent =
        std::ranges::find_if(history_, [&](const Sent& s) { return s.header.sequence == sequence; });
    if (sent == history_.end() || !rtx_payload_type_)
        return;
    rtp::Header header = sent->header;
    header.payload_type = rtx_payload_type_;
    header.sequence = rtx_sequence_++;
    header.ssrc = track_.rtx_ssrc;
    Writer packet;
    rtp::write_header(packet, header, extensions_, {out_.next_transport_sequence(), track_.mid});
    packet.u16(sequence).bytes(sent->payload);  // RFC 4588 section 4
    retransmissions_++;
    bytes_ += packet.size();
    out_.send_rtp(packet.take());
}

uint32_t Sender::ticks_since_last() const {
    const uint32_t clock = track_.kind == Kind::Audio ? 48'000 : 90'000;
    const auto since = std::chrono::duration_cast<std::chrono::microseconds>(now() - timestamp_at_);
    return uint32_t(uint64_t(since.count()) * clock / 1'000'000);
}

rtcp::SenderInfo Sender::report() const {
    return {track_.ssrc, timestamp_ + ticks_since_last(), uint32_t(number_), uint32_t(octets_)};
}

}  // namespace sluice::peer
