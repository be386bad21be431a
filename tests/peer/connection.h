#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer/dtls.h"
#include "peer/ice_transport.h"
#include "peer/receiver.h"
#include "peer/sdp.h"
#include "peer/sender.h"
#include "peer/srtp.h"

namespace sluice::peer {

/// How a connection differs from a browser's from its beginning.
struct Faults {
    bool ice = true;                 ///< false: neither sends nor answers checks.
    bool dtls = true;                ///< false: ICE comes up, DTLS is never answered.
    bool wrong_fingerprint = false;  ///< Its SDP names a certificate that it does not have.
    bool reports = true;             ///< false: sends no RTCP of its own accord.
    bool active = true;              ///< false: lets the other side begin DTLS (a=setup:passive).
};

enum class State { New, Connecting, Connected, Failed, Closed };
const char* to_string(State state);

/// What an RTCPeerConnection does, in as much as a media server can see it: either the offering side, which
/// sends (add_track(), create_offer(), set_answer()), or the answering one, which receives (answer()).
class Connection final : private RtpOut {
public:
    Connection(Loop& loop, const Certificate& certificate, Faults faults = {}, in_addr address = loopback());
    ~Connection() override;

    /// A new m-section, or one that was stopped. Takes effect with the next offer and its answer.
    Sender& add_track(Kind kind, Media media = {});
    /// The next offer has it inactive (removeTrack()), sending again, or rejected for good
    /// (transceiver.stop()).
    void set_sending(Sender& sender, bool sending) { sender.track().sending = sending; }
    void stop_track(Sender& sender) { sender.track().stopped = true; }
    /// The next offer has new credentials and a new socket; media stays on the old one until the new one
    /// works.
    void restart_ice();
    std::string create_offer();
    Status set_answer(const std::string& text);

    /// Applies an offer, the first one or another, and answers it.
    Result<std::string> answer(const std::string& offer);

    State state() const { return state_; }
    bool connected() const { return state_ == State::Connected; }
    const std::string& failure() const { return failure_; }
    Time connected_at() const { return connected_at_; }
    bool closed_by_remote() const { return closed_by_remote_; }
    /// The other side's description in force.
    const std::optional<sdp::Description>& remote() const { return remote_; }
    uint16_t port() const { return ice_->port(); }
    const std::string& session_id() const { return local_.session_id; }

    const std::vector<std::unique_ptr<Sender>>& senders() const { return senders_; }
    Sender* sender(Kind kind) const;
    uint64_t bytes_sent() const;  ///< Header and payload, as getStats() counts them.
    uint64_t transport_feedback() const { return transport_feedback_; }  ///< Received.
    /// The transport-wide numbers of what has arrived, as the other side reported them.
    const std::vector<uint16_t>& arrived() const { return arrived_; }
    Receiver& receiver() { return receiver_; }
    const Receiver& receiver() const { return receiver_; }
    /// What was lost on the last metre: in this process's own socket.
    uint32_t overflowed() const { return ice_->overflowed(); }
    uint64_t not_authentic() const { return srtp_ ? srtp_->not_authentic() : 0; }
    uint64_t replayed() const { return srtp_ ? srtp_->replayed() : 0; }
    uint64_t early() const { return early_; }  ///< What came before there were keys to open it.

    void close();   ///< With a close_notify.
    void vanish();  ///< Without a word, the socket closed.
    void freeze();  ///< Reads and sends nothing more, the socket open.
    /// A datagram as it is, to wherever media goes.
    void send_raw(Bytes datagram) { ice_->send(datagram); }
    /// A compound of the caller's making, protected. Connected only.
    void send_rtcp(Packet packet);
    /// The same of an RTP packet.
    void send_rtp(Packet packet) override;
    std::function<void(Packet&)> distort;  ///< What becomes of each RTP packet before it is protected.

private:
    uint16_t next_transport_sequence() override { return transport_sequence_++; }

    std::unique_ptr<IceTransport> make_ice();
    IceTransport& newest_ice() { return next_ice_ ? *next_ice_ : *ice_; }
    Status set_remote(sdp::Description remote);
    void start_ice(IceTransport& ice, const sdp::Section& transport, bool controlling);
    void on_ice_connected(IceTransport* ice);
    void on_datagram(std::span<uint8_t> datagram, Time at);
    void on_secured(const SrtpKeys& keys);
    void on_rtcp(Bytes compound);
    void send_reports();
    void send_feedback();
    void update_local();
    void end(State state, const std::string& why);

    Loop& loop_;
    const Certificate& certificate_;
    Faults faults_;
    in_addr address_;
    sdp::Local local_;
    bool offering_ = false;
    std::string stream_id_;
    std::optional<sdp::Description> offered_;  ///< Our last offer, unanswered.
    std::optional<sdp::Description> remote_;
    std::unique_ptr<IceTransport> ice_;
    std::unique_ptr<IceTransport> next_ice_;  ///< Of an ICE restart that is not through.
    std::unique_ptr<IceTransport> old_ice_;   ///< Before the last restart: something may be under way to it.
    std::unique_ptr<DtlsSession> dtls_;
    std::unique_ptr<SrtpSession> srtp_;
    uint64_t early_ = 0;
    std::vector<std::unique_ptr<Sender>> senders_;
    Receiver receiver_;
    Timer report_timer_;
    Timer feedback_timer_;
    State state_ = State::New;
    std::string failure_;
    Time connected_at_{};
    bool closed_by_remote_ = false;
    uint16_t transport_sequence_ = 0;
    unsigned next_mid_ = 0;
    uint64_t transport_feedback_ = 0;
    std::vector<uint16_t> arrived_;
};

}  // namespace sluice::peer
