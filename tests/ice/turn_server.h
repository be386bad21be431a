#pragma once

#include <string>
#include <thread>

#include "ice/network_fixture.h"

namespace sluice::ice::test {

/// As much of a TURN server (RFC 8656) as makes an allocation, at 127.0.0.2:50000, and takes it back; it
/// relays nothing.
class TurnServer {
public:
    TurnServer();
    ~TurnServer();
    TurnServer(const TurnServer&) = delete;
    TurnServer& operator=(const TurnServer&) = delete;

    std::string uri() const { return "turn://user:password@" + local_.text() + "?transport=udp"; }
    /// For each Refresh how many seconds the allocation is to live.
    Mailbox<uint32_t>& refreshed() { return refreshed_; }

private:
    void serve();
    Packet answer(Bytes request, const Endpoint& from);

    int fd_;
    Endpoint local_ = *Endpoint::from("127.0.0.1", 0);
    Mailbox<uint32_t> refreshed_;
    std::thread thread_;
};

}  // namespace sluice::ice::test
