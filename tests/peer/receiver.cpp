#include "peer/receiver.h"

#include <algorithm>

namespace sluice::peer {

using namespace std::chrono_literals;

namespace {

constexpr Time kPliInterval = 200ms;
constexpr size_t kArrivalsLimit = 400;

}  // namespace

void Receiver::negotiated(const sdp::Description& remote) {
    codecs_.clear();
    for (const sdp::Section& section : remote.sections) {
        if (!section.kind() || section.port == 0)
            continue;
        const Kind kind = *section.kind();
        for (const auto& [payload_type, codec] : section.rtpmap) codecs_[payload_type] = codec;
        const int preferred = section.payload_types.empty() ? -1 : section.payload_types.front();
        const auto codec = section.rtpmap.find(preferred);
        const std::string name = codec == section.rtpmap.end() ? "" : codec->second;
        for (const uint32_t ssrc : section.ssrcs) {
            const bool rtx = section.fid && section.fid->second == ssrc;
            sources_.insert_or_assign(ssrc, Source{kind, section.mid, rtx, rtx ? section.fid->first : ssrc,
                                                   name.substr(0, name.find('/'))});
        }
        if (kind == Kind::Video && section.fid)
            nack_ = section.has_feedback("nack");
        if (section.has_feedback("transport-cc"))
            transport_cc_ = section.extension(sdp::kTransportCc);
    }
}

void Receiver::on_rtp(Bytes packet, Time at) {
    const auto parsed = rtp::parse(packet, transport_cc_);
    const auto source = parsed ? sources_.find(parsed->header.ssrc) : sources_.end();
    if (source == sources_.end() || !codecs_.contains(parsed->header.payload_type)) {
        unsignalled_++;
        return;
    }
    packets_++;
    bytes_ += parsed->header_size + parsed->payload.size();
    if (parsed->transport_sequence && arrivals_.size() < kArrivalsLimit)
        arrivals_.push_back({*parsed->transport_sequence, at});
    if (source->second.rtx) {
        retransmissions_++;
        if (parsed->payload.size() >= 2)  // Padding alone probes the bandwidth.
            track_of(source->second)
                .on_retransmission(uint16_t(get16(parsed->payload.data())), parsed->payload.subspan(2), at);
        return;
    }
    if (lose_every && source->second.kind == Kind::Video && ++video_count_ % lose_every == 0)
        return;
    track_of(source->second).on_packet(*parsed, at);
}

ReceivedTrack& Receiver::track_of(const Source& source) {
    const auto it =
        std::ranges::find(tracks_, source.media_ssrc, [](const auto& track) { return track->ssrc(); });
    if (it != tracks_.end())
        return **it;
    return *tracks_.emplace_back(
        std::make_unique<ReceivedTrack>(source.media_ssrc, source.kind, source.codec));
}

void Receiver::on_sender_report(const rtcp::Received& report) {
    for (const auto& track : tracks_)
        if (track->ssrc() == report.sender_ssrc)
            track->on_sender_report(report, now());
}

std::vector<rtcp::ReportBlock> Receiver::report_blocks() {
    std::vector<rtcp::ReportBlock> blocks;
    for (const auto& track : tracks_)
        if (track->packets() > 0)
            blocks.push_back(track->report_block());
    return blocks;
}

std::vector<Packet> Receiver::feedback() {
    std::vector<Packet> packets;
    for (const auto& track : tracks_) {
        if (track->kind() != Kind::Video)
            continue;
        if (track->packets() > 0 && track->key_frames() == 0 && now() - last_pli_ > kPliInterval) {
            last_pli_ = now();
            packets.push_back(rtcp::picture_loss(kOwnSsrc, track->ssrc()));
        }
        const auto missing = nack_ ? track->to_nack() : std::vector<uint16_t>();
        if (!missing.empty())
            packets.push_back(rtcp::nack(kOwnSsrc, track->ssrc(), missing));
    }
    if (!arrivals_.empty())
        packets.push_back(rtcp::transport_feedback(kOwnSsrc, tracks_.empty() ? 0 : tracks_.front()->ssrc(),
                                                   feedback_count_++, std::exchange(arrivals_, {})));
    return packets;
}

ReceivedTrack* Receiver::track(const std::string& mid) const {
    for (const auto& track : tracks_)
        if (sources_.at(track->ssrc()).mid == mid)
            return track.get();
    return nullptr;
}

ReceivedTrack* Receiver::track(Kind kind) const {
    const auto it = std::ranges::find(tracks_, kind, [](const auto& track) { return track->kind(); });
    return it == tracks_.end() ? nullptr : it->get();
}

}  // namespace sluice::peer
