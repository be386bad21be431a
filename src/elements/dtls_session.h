#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <openssl/ssl.h>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elements/srtp.h"
#include "gst/ref.h"

namespace sluice::elements {

/// One end of a DTLS 1.2 association (RFC 6347) that agrees on the keys of SRTP (RFC 5764): OpenSSL's, over
/// datagrams that somebody else carries.
///
///   New --start() of a client, the peer's first message--> Connecting --handshake--> Connected
///   any --the peer's close_notify, stop()--> Closed        any --a fatal error--> Failed
///
/// Any thread. Nothing is called back: what a call brings about is its outcome, for the caller to carry out.
class DtlsSession {
public:
    /// In the order of gst-plugins-bad's GstDtlsConnectionState, whose numbers GstWebRTCDTLSTransport reads.
    enum class State { New, Closed, Failed, Connecting, Connected };
    /// Key and salt, as SrtpKeys::derive() takes them.
    using MasterKey = std::array<uint8_t, SrtpKeys::kMasterKey + SrtpKeys::kMasterSalt>;
    using Datagram = std::vector<uint8_t>;

    /// In the order in which others are to hear of it.
    struct Outcome {
        std::vector<Datagram> datagrams;  ///< To be sent.
        bool secured = false;             ///< The keys and the peer's certificate are there.
        std::optional<State> entered;     ///< state(), if it has changed.
        std::string error;                ///< Why it has failed, if it has.
    };

    DtlsSession();

    /// The server's own certificate in PEM: one for the process, self-signed, P-256 (RFC 8827 section 6.5).
    static const std::string& certificate();

    /// Once. What has come before it has waited: only now it is known who is the client.
    Outcome start(bool client);
    Outcome receive(std::span<const uint8_t> datagram);
    Outcome on_timeout();
    Outcome stop();

    State state() const;
    /// When on_timeout() is due, which sends again what may have been lost.
    std::optional<std::chrono::microseconds> timeout() const;

    // There once it is secured; empty before.

    std::optional<MasterKey> send_key() const;
    std::optional<MasterKey> receive_key() const;
    /// In PEM. Any certificate is taken: whether it is the one of the SDP's fingerprint is for others to say,
    /// before they let media pass.
    std::string peer_certificate() const;

private:
    static BIO_METHOD* io();
    void step(Outcome& outcome);
    void secure(Outcome& outcome);
    void check(int result, Outcome& outcome);
    void enter(State state, Outcome& outcome);
    void fail(std::string why, Outcome& outcome);
    Outcome finish(Outcome outcome);

    mutable std::mutex mutex_;  // all below
    gst::Owned<SSL, SSL_free> ssl_;
    State state_ = State::New;
    bool started_ = false;
    bool client_ = false;
    std::vector<Datagram> early_;       ///< Before start().
    std::span<const uint8_t> arrived_;  ///< For OpenSSL to read.
    std::vector<Datagram> outgoing_;    ///< What it has written.
    std::optional<MasterKey> send_key_, receive_key_;
    std::string peer_certificate_;
};

}  // namespace sluice::elements
