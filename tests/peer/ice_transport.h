#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer/stun.h"
#include "peer/udp_socket.h"

namespace sluice::peer {

struct Credentials {
    std::string ufrag;
    std::string pwd;
    bool operator==(const Credentials&) const = default;
};

/// A full ICE agent with one host candidate (RFC 8445): checks with regular nomination, consent (RFC 7675),
/// and the socket that media then uses. An ICE restart is a new IceTransport.
class IceTransport {
public:
    struct Events {
        std::function<void()> connected;
        std::function<void(const std::string& why)> failed;
        UdpSocket::Received received;  ///< All but STUN, of the other side.
    };

    IceTransport(Loop& loop, Events events, in_addr address = loopback());

    uint16_t port() const { return socket_.port(); }
    uint32_t overflowed() const { return socket_.overflowed(); }
    const Credentials& local() const { return local_; }
    const Credentials& remote() const { return remote_; }

    /// Begins the checks.
    void start(const Credentials& remote, std::vector<sockaddr_in> candidates, bool controlling);
    bool started() const { return !candidates_.empty(); }
    bool connected() const { return selected_.has_value(); }
    /// To the selected pair; before there is one, to the first candidate.
    void send(Bytes datagram);

    /// No more checks. What is still under way to it is received.
    void retire() { check_timer_.stop(); }
    /// No more checks, no more answers: as if the process were stopped.
    void freeze();
    /// As if the machine had gone.
    void close();

private:
    void receive(std::span<uint8_t> datagram, const sockaddr_in& from, Time at);
    bool is_remote(const sockaddr_in& address) const;
    void on_request(Bytes datagram, const stun::Message& message, const sockaddr_in& from);
    void on_response(Bytes datagram, const stun::Message& message, const sockaddr_in& from);
    void check();
    void send_check(const sockaddr_in& to);

    UdpSocket socket_;
    Events events_;
    Timer check_timer_;
    Credentials local_;
    Credentials remote_;
    std::vector<sockaddr_in> candidates_;
    std::optional<sockaddr_in> selected_;
    bool controlling_ = false;
    uint64_t tie_breaker_;
    uint32_t checks_sent_ = 0;
    Time last_heard_{};  ///< Of a valid response; the start of the checks before one.
};

}  // namespace sluice::peer
