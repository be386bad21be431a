#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "ice/endpoint.h"
#include "ice/network.h"
#include "ice/stun_text.h"

namespace sluice::ice::test {

/// A client of one socket made by hand: it says exactly what a test wants said, and waits for what comes. Its
/// own credentials are fixed.
class IceClient {
public:
    enum class Transport { Udp, Tcp };

    /// A socket on `ip` that sends to `server`; TCP connects at once.
    explicit IceClient(const Endpoint& server, Transport transport = Transport::Udp,
                       const std::string& ip = "127.0.0.1");
    ~IceClient();
    IceClient(const IceClient&) = delete;
    IceClient& operator=(const IceClient&) = delete;

    static Credentials credentials() { return {"client", "the-password-of-the-client"}; }
    const Endpoint& local() const { return local_; }
    int fd() const { return fd_; }

    static constexpr uint32_t kPriority = 0x6e0001ff;

    /// A check of a full agent, as a request that is complete but for integrity and fingerprint.
    static StunText check(const Credentials& server, const TransactionId& id, bool nominate = true,
                          uint16_t role = IceControlling, uint32_t priority = kPriority);
    static Packet whole_check(const Credentials& server, const TransactionId& id, bool nominate = true,
                              uint32_t priority = kPriority) {
        return check(server, id, nominate, IceControlling, priority)
            .integrity(server.pwd)
            .fingerprint()
            .take();
    }

    void send(Bytes datagram);
    /// TCP: bytes as they are, without a length before them.
    void send_raw(Bytes bytes);
    /// The next datagram or frame. The limit is a watchdog; nullopt also where TCP has been closed.
    std::optional<Packet> receive(std::chrono::milliseconds limit = std::chrono::seconds(5));
    /// Waits for it: whether the server has closed the connection (TCP).
    bool is_closed_by_server();
    /// The next that is no check of the server's; of those the last is kept.
    std::optional<Packet> receive_but_checks();

    /// Sends a check; whether what comes next but the server's own checks answers it with success.
    bool check_succeeds(const Credentials& server, bool nominate = true);
    /// Answers a check of the server's, by these credentials of its: the last one that came, or the next.
    bool answers_a_check(const Credentials& server);
    /// With success. `from`: where the check came from; a lite agent does not look at it.
    static Packet answer_to(Bytes check, const Endpoint& from = *Endpoint::from("192.0.2.1", 1));

private:
    bool fill(size_t size, std::chrono::milliseconds limit);

    Transport transport_;
    int fd_;
    Endpoint local_;
    std::optional<Packet> check_;  ///< Of the server's, not answered yet.
    Packet stream_;                ///< TCP: read and not taken yet.
};

}  // namespace sluice::ice::test
