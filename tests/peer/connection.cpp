#include "peer/connection.h"

#include <algorithm>

#include "peer/random.h"

namespace sluice::peer {

using namespace std::chrono_literals;

namespace {

constexpr Time kReportInterval = 1s;
constexpr Time kFeedbackInterval = 20ms;

bool is_rtcp(Bytes datagram) {  // RFC 5761 section 4
    return datagram[1] >= 192 && datagram[1] <= 223;
}

}  // namespace

const char* to_string(State state) {
    static constexpr const char* kNames[] = {"new", "connecting", "connected", "failed", "closed"};
    return kNames[int(state)];
}

Connection::Connection(Loop& loop, const Certificate& certificate, Faults faults, in_addr address)
    : loop_(loop),
      certificate_(certificate),
      faults_(faults),
      address_(address),
      stream_id_(random_token(36)),
      ice_(make_ice()),
      report_timer_(loop, [this] { send_reports(); }),
      feedback_timer_(loop, [this] { send_feedback(); }) {
    local_.session_id = std::to_string(random_number() >> 2);
    local_.cname = random_token(16);
    local_.fingerprint = certificate.fingerprint();
    local_.address = to_text(address);
    if (faults.wrong_fingerprint)
        local_.fingerprint[0] = local_.fingerprint[0] == '0' ? '1' : '0';
}

Connection::~Connection() {
    close();
}

std::unique_ptr<IceTransport> Connection::make_ice() {
    // The callbacks name the transport they are of: an ICE restart has two at a time.
    auto self = std::make_shared<IceTransport*>(nullptr);
    auto ice = std::make_unique<IceTransport>(
        loop_,
        IceTransport::Events{
            .connected = [this, self] { on_ice_connected(*self); },
            .failed = [this](const std::string& why) { end(State::Failed, why); },
            .received = [this](auto datagram, const auto&, Time at) { on_datagram(datagram, at); }},
        address_);
    *self = ice.get();
    return ice;
}

Sender& Connection::add_track(Kind kind, Media media) {
    sdp::Track track{.kind = kind,
                     .codec = media.codec,
                     .mid = std::to_string(next_mid_++),
                     .ssrc = uint32_t(random_number()) | 1,
                     .rtx_ssrc = kind == Kind::Video ? uint32_t(random_number()) | 1 : 0,
                     .stream_id = stream_id_};
    RtpOut& out = *this;
    auto sender = std::make_unique<Sender>(loop_, out, std::move(track), media);
    Sender& added = *sender;
    // A new track takes the m-section of one that was stopped (RFC 8829 section 5.2.2).
    const auto stopped = std::ranges::find_if(senders_, [](const auto& s) { return s->track().stopped; });
    if (stopped != senders_.end())
        *stopped = std::move(sender);
    else
        senders_.push_back(std::move(sender));
    added.set_connected(connected());
    return added;
}

void Connection::restart_ice() {
    next_ice_ = make_ice();
}

void Connection::update_local() {
    local_.version++;
    local_.ice = newest_ice().local();
    local_.port = newest_ice().port();
}

std::string Connection::create_offer() {
    offering_ = true;
    update_local();
    local_.setup = faults_.active ? "actpass" : "passive";
    std::vector<sdp::Track> tracks;
    for (const auto& sender : senders_) tracks.push_back(sender->track());
    std::string text = sdp::write_offer(local_, tracks);
    offered_ = sdp::parse(text).value();
    return text;
}

Status Connection::set_answer(const std::string& text) {
    auto parsed = sdp::parse(text);
    if (!parsed)
        return parsed.error();
    if (!offered_)
        return Error{ErrorCode::WrongState, "no offer waits for an answer"};
    if (auto status = sdp::check_answer(*offered_, *parsed); !status)
        return status;
    offered_.reset();
    if (auto status = set_remote(std::move(parsed).value()); !status)
        return status;
    for (const auto& sender : senders_)
        if (const sdp::Section* section = remote_->find(sender->track().mid))
            sender->negotiated(*section);
    return Ok{};
}

Result<std::string> Connection::answer(const std::string& offer) {
    auto parsed = sdp::parse(offer);
    if (!parsed)
        return parsed.error();
    if (auto status = remote_ ? sdp::check_reoffer(*remote_, *parsed) : sdp::check_offer(*parsed); !status)
        return status.error();
    if (remote_ && remote_->transport().ice != parsed->transport().ice)
        restart_ice();
    receiver_.negotiated(*parsed);
    update_local();
    local_.setup = faults_.active ? "active" : "passive";
    const std::string text = sdp::write_answer(local_, *parsed);
    if (auto status = set_remote(std::move(parsed).value()); !status)
        return status.error();
    return text;
}

Status Connection::set_remote(sdp::Description remote) {
    const sdp::Section& transport = remote.transport();
    const bool active = faults_.active && (transport.setup == "passive" || transport.setup == "actpass");
    if (remote_ && remote_->transport().fingerprint != transport.fingerprint)
        return Error{ErrorCode::Unacceptable, "the fingerprint of a running connection has changed"};
    const bool restarted = remote_ && remote_->transport().ice != transport.ice;
    if (restarted != (next_ice_ != nullptr))
        return Error{ErrorCode::Unacceptable, restarted
                                                  ? "ICE credentials changed without a restart"
                                                  : "an ICE restart was answered with the old credentials"};
    if (!dtls_)
        dtls_ = std::make_unique<DtlsSession>(
            loop_, certificate_, active, transport.fingerprint,
            DtlsSession::Events{.send = [this](Bytes datagram) { ice_->send(datagram); },
                                .secured = [this](const SrtpKeys& keys) { on_secured(keys); },
                                .failed = [this](const std::string& why) { end(State::Failed, why); },
                                .closed =
                                    [this] {
                                        closed_by_remote_ = true;
                                        end(State::Closed, "close_notify");
                                    }});
    if (!newest_ice().started())
        start_ice(newest_ice(), transport, offering_ || remote.ice_lite);
    remote_ = std::move(remote);
    return Ok{};
}

void Connection::start_ice(IceTransport& ice, const sdp::Section& transport, bool controlling) {
    if (state_ == State::New)
        state_ = State::Connecting;
    if (faults_.ice)
        ice.start(transport.ice, transport.candidates, controlling);
    else
        ice.freeze();
}

void Connection::on_ice_connected(IceTransport* ice) {
    if (ice == next_ice_.get()) {
        old_ice_ = std::exchange(ice_, std::move(next_ice_));
        old_ice_->retire();
    } else if (faults_.dtls) {
        dtls_->start();
    }
}

void Connection::on_datagram(std::span<uint8_t> datagram, Time at) {
    const uint8_t first = datagram[0];  // RFC 7983
    if (first >= 20 && first <= 63 && dtls_ && faults_.dtls) {
        dtls_->receive(datagram);
    } else if (first >= 128 && first <= 191 && datagram.size() > 1) {
        if (!srtp_) {
            early_++;
            return;
        }
        const bool rtcp = is_rtcp(datagram);
        const auto packet = rtcp ? srtp_->unprotect_rtcp(datagram) : srtp_->unprotect_rtp(datagram);
        if (packet)
            rtcp ? on_rtcp(*packet) : receiver_.on_rtp(*packet, at);
    }
}

void Connection::on_secured(const SrtpKeys& keys) {
    srtp_ = std::make_unique<SrtpSession>(keys);
    state_ = State::Connected;
    connected_at_ = now();
    for (const auto& sender : senders_) sender->set_connected(true);
    if (!faults_.reports)
        return;
    report_timer_.after(kReportInterval);
    feedback_timer_.after(kFeedbackInterval);
}

void Connection::on_rtcp(Bytes compound) {
    for (const rtcp::Received& packet : rtcp::parse(compound)) {
        if (packet.type == rtcp::SenderReport)
            receiver_.on_sender_report(packet);
        if (const auto report = packet.transport_report()) {
            transport_feedback_++;
            for (const auto& arrival : report->arrivals) arrived_.push_back(arrival.sequence);
        }
        for (const auto& sender : senders_) {
            const uint32_t ssrc = sender->track().ssrc;
            for (const rtcp::ReportBlock& block : packet.report_blocks())
                if (block.ssrc == ssrc)
                    sender->on_report(block);
            if (std::ranges::count(packet.key_frame_ssrcs(), ssrc))
                sender->on_key_frame_request();
            if (packet.type == rtcp::Feedback && packet.format == rtcp::Nack && packet.media_ssrc == ssrc)
                sender->on_nack(packet.nacked());
        }
    }
}

void Connection::send_reports() {
    for (const auto& sender : senders_)
        if (sender->flowing())
            send_rtcp(rtcp::sender_report(sender->report(), local_.cname));
    if (senders_.empty())
        send_rtcp(rtcp::receiver_report(Receiver::kOwnSsrc, receiver_.report_blocks(), local_.cname));
    report_timer_.after(kReportInterval);
}

void Connection::send_feedback() {
    for (Packet& packet : receiver_.feedback()) send_rtcp(std::move(packet));
    feedback_timer_.after(kFeedbackInterval);
}

void Connection::send_rtp(Packet packet) {
    if (distort)
        distort(packet);
    if (srtp_)
        ice_->send(srtp_->protect_rtp(std::move(packet)));
}

void Connection::send_rtcp(Packet packet) {
    if (srtp_)
        ice_->send(srtp_->protect_rtcp(std::move(packet)));
}

Sender* Connection::sender(Kind kind) const {
    const auto it =
        std::ranges::find(senders_, kind, [](const auto& sender) { return sender->track().kind; });
    return it == senders_.end() ? nullptr : it->get();
}

uint64_t Connection::bytes_sent() const {
    uint64_t bytes = 0;
    for (const auto& sender : senders_) bytes += sender->bytes();
    return bytes;
}

void Connection::close() {
    if (dtls_ && state_ == State::Connected)
        dtls_->close();
    vanish();
}

void Connection::vanish() {
    freeze();
    ice_->close();
    for (auto* other : {next_ice_.get(), old_ice_.get()})
        if (other)
            other->close();
    if (state_ != State::Failed)
        state_ = State::Closed;
}

void Connection::freeze() {
    for (const auto& sender : senders_) sender->set_connected(false);
    report_timer_.stop();
    feedback_timer_.stop();
    ice_->freeze();
    for (auto* other : {next_ice_.get(), old_ice_.get()})
        if (other)
            other->freeze();
}

void Connection::end(State state, const std::string& why) {
    freeze();
    state_ = state;
    failure_ = why;
}

}  // namespace sluice::peer
