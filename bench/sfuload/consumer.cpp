#include "sfuload/consumer.h"

#include <algorithm>

#include "peer/random.h"
#include "peer/rtp.h"

namespace sluice::load {

using namespace std::chrono_literals;

namespace {

constexpr uint32_t kOwnSsrc = 1;  // Of a receiver that sends nothing.
constexpr peer::Time kReportInterval = 1s;
constexpr peer::Time kFeedbackInterval = 100ms;
constexpr peer::Time kKeyFrameInterval = 500ms;
constexpr size_t kStreamsLimit = 16;
constexpr size_t kArrivalsLimit = 400;

bool is_rtcp(peer::Bytes datagram) {  // RFC 5761 section 4
    return datagram[1] >= 192 && datagram[1] <= 223;
}

bool on_loopback(const sockaddr_in& address) {
    return ntohl(address.sin_addr.s_addr) >> 24 == 127;
}

}  // namespace

Consumer::Consumer(MediaThread& media, Settings settings)
    : media_(media),
      settings_(settings),
      cname_(peer::random_token(16)),
      report_timer_(media.loop(), [this] { send_report(); }),
      feedback_timer_(media.loop(), [this] { send_feedback(); }),
      key_frame_timer_(media.loop(), [this] { send_key_frame_request(); }) {
    ice_ = std::make_unique<peer::IceTransport>(
        media.loop(),
        peer::IceTransport::Events{
            .connected = [this] { dtls_->start(); },
            .failed = [this](const std::string& why) { end(State::Failed, why); },
            .received = [this](auto datagram, const auto&, peer::Time at) { on_datagram(datagram, at); }},
        settings.address);
}

Consumer::~Consumer() {
    close();
}

Result<std::string> Consumer::answer(const std::string& offer) {
    const auto parsed = peer::sdp::parse(offer);
    if (!parsed)
        return parsed.error();
    for (const peer::sdp::Section& section : parsed->sections) {
        if (!section.kind() || !section.sends())
            continue;
        const bool video = section.kind() == peer::Kind::Video;
        (video ? wants_video_ : wants_audio_) = true;
        for (const auto& [payload_type, codec] : section.rtpmap)
            formats_[size_t(payload_type) % formats_.size()] = codec.starts_with("rtx/") ? Format::Other
                                                               : video                   ? Format::Video
                                                                                         : Format::Audio;
        if (video && !section.ssrcs.empty())
            video_ssrc_ = section.fid ? section.fid->first : section.ssrcs.front();
        if (section.has_feedback("transport-cc"))
            transport_cc_ = section.extension(peer::sdp::kTransportCc);
    }
    const peer::sdp::Section& transport = parsed->transport();
    auto candidates = transport.candidates;
    // Nothing leaves this machine unless the user has named an address to send from.
    if (settings_.address.s_addr == peer::loopback().s_addr)
        std::erase_if(candidates, [](const auto& candidate) { return !on_loopback(candidate); });
    if (candidates.empty())
        return Error{ErrorCode::Unacceptable, "the offer has no UDP candidate that can be reached from " +
                                                  peer::to_text(settings_.address)};

    dtls_ = std::make_unique<peer::DtlsSession>(
        media_.loop(), media_.certificate(), true, transport.fingerprint,
        peer::DtlsSession::Events{.send = [this](peer::Bytes datagram) { ice_->send(datagram); },
                                  .secured = [this](const peer::SrtpKeys& keys) { on_secured(keys); },
                                  .failed = [this](const std::string& why) { end(State::Failed, why); },
                                  .closed = [this] { end(State::Closed, "closed by the server"); }});
    state_ = State::Connecting;
    media_.set_connecting(true);
    ice_->start(transport.ice, candidates, parsed->ice_lite);
    peer::sdp::Local local{.session_id = std::to_string(peer::random_number() >> 2),
                           .version = 1,
                           .cname = cname_,
                           .ice = ice_->local(),
                           .address = peer::to_text(settings_.address),
                           .port = ice_->port(),
                           .fingerprint = media_.certificate().fingerprint(),
                           .setup = "active"};
    return peer::sdp::write_answer(local, *parsed);
}

void Consumer::close() {
    if (dtls_)
        dtls_->close();
    end(State::Closed, "");
    ice_->close();
}

void Consumer::end(State state, const std::string& why) {
    if (state_ == State::Failed || state_ == State::Closed)
        return;
    if (state_ == State::Connecting)
        media_.set_connecting(false);
    state_ = state;
    failure_ = why;
    ice_->freeze();
    report_timer_.stop();
    feedback_timer_.stop();
    key_frame_timer_.stop();
}

bool Consumer::has_media() const {
    return first_packet_at_ > peer::Time::zero() &&
           (!wants_video_ || first_key_frame_at_ > peer::Time::zero());
}

void Consumer::on_datagram(std::span<uint8_t> datagram, peer::Time at) {
    const uint8_t first = datagram[0];  // RFC 7983
    if (first >= 20 && first <= 63 && dtls_)
        dtls_->receive(datagram);
    else if (first >= 128 && first <= 191 && datagram.size() > 1 && srtp_)
        is_rtcp(datagram) ? on_rtcp(datagram) : on_rtp(datagram, at);
}

void Consumer::on_secured(const peer::SrtpKeys& keys) {
    srtp_ = std::make_unique<peer::SrtpSession>(keys);
    peek_.emplace(keys);
    gcm_ = keys.gcm;
    state_ = State::Connected;
    connected_at_ = peer::now();
    media_.set_connecting(false);
    // Spread, as those of many browsers are.
    report_timer_.after(kReportInterval * (peer::random_number() % 1000) / 1000);
    if (transport_cc_)
        feedback_timer_.after(kFeedbackInterval);
    if (wants_video_)
        key_frame_timer_.after(peer::Time::zero());
}

void Consumer::on_rtcp(std::span<uint8_t> datagram) {
    const auto packet = srtp_->unprotect_rtcp(datagram);
    if (!packet)
        return;
    for (const peer::rtcp::Received& received : peer::rtcp::parse(*packet))
        if (received.type == peer::rtcp::SenderReport)
            for (Stream& stream : streams_)
                if (stream.ssrc() == received.sender_ssrc)
                    stream.on_sender_report(received.ntp_middle(), peer::now());
}

void Consumer::on_rtp(std::span<uint8_t> packet, peer::Time at) {
    media_.received.packets++;
    media_.received.bytes += packet.size();
    if (measuring_)
        media_.read_delay.add(peer::now() - at);
    // How much of a packet is padding can only be told from all of it.
    const bool padded = packet[0] & 0x20;
    const bool clear = settings_.check_all || padded;
    if (clear) {
        const auto unprotected = srtp_->unprotect_rtp(packet);
        if (!unprotected)
            return;
        packet = *unprotected;
        packets_checked_++;
    }
    const auto parsed = peer::rtp::parse(packet, transport_cc_);
    if (!parsed)
        return;
    if (first_packet_at_ == peer::Time::zero())
        first_packet_at_ = at;
    if (parsed->transport_sequence && arrivals_.size() < kArrivalsLimit)
        arrivals_.push_back({*parsed->transport_sequence, at});
    const Format format = formats_[parsed->header.payload_type];
    if (format != Format::Audio && format != Format::Video)
        return;
    Stream& stream =
        stream_of(parsed->header.ssrc, format == Format::Audio ? peer::Kind::Audio : peer::Kind::Video);
    const auto index = stream.on_packet(parsed->header.sequence, parsed->header.timestamp, at);
    if (index && !(padded && parsed->payload.empty()))
        on_payload(stream, *index, parsed->payload, clear, at);
}

/// `payload`: as it came, with the tag at its end, unless it is `clear`.
void Consumer::on_payload(Stream& stream, uint64_t index, peer::Bytes payload, bool clear, peer::Time at) {
    constexpr size_t kHead = 10;  // What rtp::read_frame() looks at.
    constexpr size_t kTail = peer::rtp::Mark::kSize;
    if (!clear)
        payload = payload.first(payload.size() - std::min(payload.size(), peek_->tag_size()));
    if (payload.size() < kHead + kTail) {
        damaged_++;
        return;
    }
    const auto octets = [&](size_t offset, std::span<uint8_t> out) {
        if (clear)
            std::ranges::copy(payload.subspan(offset, out.size()), out.begin());
        else
            peek_->read(stream.ssrc(), index, payload, offset, out);
    };
    std::array<uint8_t, kTail> tail;
    octets(payload.size() - kTail, tail);
    const auto mark = peer::rtp::read_mark(tail);
    if (!mark) {
        damaged_++;
        return;
    }
    const bool video = stream.kind() == peer::Kind::Video;
    if (video && (clear || first_key_frame_at_ == peer::Time::zero())) {
        std::array<uint8_t, kHead> head;
        octets(0, head);
        const auto vp8 = peer::rtp::read_frame("VP8", head);
        damaged_ += !vp8;
        if (vp8 && vp8->key_frame && first_key_frame_at_ == peer::Time::zero()) {
            first_key_frame_at_ = at;
            key_frame_timer_.stop();
        }
    }
    const uint32_t begin = video ? begin_.video : begin_.audio;
    const uint32_t end = video ? end_.video : end_.audio;
    if (mark->number - begin < end - begin)
        received_in_window_++;
    if (measuring_)
        delay_.add(at - mark->sent);
}

Stream& Consumer::stream_of(uint32_t ssrc, peer::Kind kind) {
    const auto it = std::ranges::find(streams_, ssrc, &Stream::ssrc);
    if (it != streams_.end())
        return *it;
    if (streams_.size() == kStreamsLimit)  // Of a server that changes its SSRC for every packet.
        streams_.clear();
    return streams_.emplace_back(ssrc, kind);
}

void Consumer::begin_window(Numbers sent) {
    constexpr uint32_t kOpen = 0x7FFFFFFF;
    measuring_ = true;
    received_in_window_ = 0;
    begin_ = sent;
    end_ = {sent.audio + kOpen, sent.video + kOpen};
    delay_.clear();
    counts_at_begin_.clear();
    for (Stream& stream : streams_) {
        stream.restart_gaps();
        counts_at_begin_.push_back(stream.counts());
    }
}

void Consumer::end_window(Numbers sent) {
    measuring_ = false;
    end_ = sent;
    counts_at_end_.clear();
    for (const Stream& stream : streams_) {
        counts_at_end_.push_back(stream.counts());
        (stream.kind() == peer::Kind::Audio ? audio_gaps_ : video_gaps_) = stream.gaps();
    }
}

Consumer::Window Consumer::window() const {
    Window window;
    window.expected =
        (wants_audio_ ? end_.audio - begin_.audio : 0) + (wants_video_ ? end_.video - begin_.video : 0);
    window.received = received_in_window_;
    for (size_t i = 0; i < counts_at_end_.size(); i++) {
        const Stream::Counts& end = counts_at_end_[i];
        const Stream::Counts begin = i < counts_at_begin_.size() ? counts_at_begin_[i] : Stream::Counts{};
        window.by_sequence.expected += end.expected - begin.expected;
        window.by_sequence.received += end.received - begin.received;
        window.by_sequence.duplicates += end.duplicates - begin.duplicates;
        window.by_sequence.reordered += end.reordered - begin.reordered;
    }
    window.audio_gaps = audio_gaps_;
    window.video_gaps = video_gaps_;
    return window;
}

void Consumer::send_report() {
    std::vector<peer::rtcp::ReportBlock> blocks;
    for (Stream& stream : streams_) blocks.push_back(stream.report_block());
    send_rtcp(peer::rtcp::receiver_report(kOwnSsrc, blocks, cname_));
    report_timer_.after(kReportInterval);
}

void Consumer::send_feedback() {
    if (!arrivals_.empty())
        send_rtcp(peer::rtcp::transport_feedback(kOwnSsrc, video_ssrc_, feedback_count_++,
                                                 std::exchange(arrivals_, {})));
    feedback_timer_.after(kFeedbackInterval);
}

/// At once and until a key frame has come. In a compound: Janus 1.1.2 takes no PLI without a report before
/// it.
void Consumer::send_key_frame_request() {
    key_frame_timer_.after(kKeyFrameInterval);
    const auto video = std::ranges::find(streams_, peer::Kind::Video, &Stream::kind);
    if (video != streams_.end())
        video_ssrc_ = video->ssrc();
    if (!video_ssrc_)
        return;
    std::vector<peer::rtcp::ReportBlock> blocks;
    if (video != streams_.end())
        blocks.push_back(video->report_block());
    peer::Packet compound = peer::rtcp::receiver_report(kOwnSsrc, blocks, cname_);
    const peer::Packet request = peer::rtcp::picture_loss(kOwnSsrc, video_ssrc_);
    compound.insert(compound.end(), request.begin(), request.end());
    send_rtcp(std::move(compound));
}

void Consumer::send_rtcp(peer::Packet packet) {
    ice_->send(srtp_->protect_rtcp(std::move(packet)));
}

}  // namespace sluice::load
