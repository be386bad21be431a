#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <poll.h>
#include <unistd.h>
#include <vector>

#include "ice/agent.h"
#include "ice/network.h"
#include "peer/bytes.h"

namespace sluice::test {

/// A UDP socket on 127.0.0.1.
class LoopbackSocket {
public:
    LoopbackSocket()
        : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), address_(*ice::Endpoint::from("127.0.0.1", 0)) {
        ::bind(fd_, address_.get(), address_.size());
        socklen_t size = address_.size();
        getsockname(fd_, address_.get(), &size);
    }
    ~LoopbackSocket() { close(fd_); }
    LoopbackSocket(const LoopbackSocket&) = delete;
    LoopbackSocket& operator=(const LoopbackSocket&) = delete;

    int fd() const { return fd_; }
    const ice::Endpoint& address() const { return address_; }
    /// All that has come, and waits for so many: a busy kernel (before 6.5) hands them on after the send.
    std::vector<peer::Packet> received(size_t awaited = 0) const {
        std::vector<peer::Packet> all;
        peer::Packet bytes(4096);
        do {
            for (ssize_t size; (size = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT)) >= 0;)
                all.emplace_back(bytes.begin(), bytes.begin() + size);
        } while (all.size() < awaited && wait(10'000));
        return all;
    }
    bool wait(int milliseconds) const {
        pollfd poll_for{.fd = fd_, .events = POLLIN, .revents = 0};
        return poll(&poll_for, 1, milliseconds) > 0;
    }

private:
    int fd_;
    ice::Endpoint address_;
};

struct FakeNetwork final : ice::Network {
    ice::WebrtcBin make_webrtcbin(const char*, std::function<void(ice::PeerState)>) override { return {}; }
    std::vector<std::string> addresses() const override { return {}; }
    ice::NetworkStats stats() const override {
        return {.datagrams_sent = sent, .datagrams_not_sent = not_sent};
    }
    void count_sent(uint64_t more, uint64_t refused) override {
        sent += more;
        not_sent += refused;
    }

    std::atomic<uint64_t> sent{0}, not_sent{0};
};

/// A peer whose browser is a socket of the test's.
struct FakePeer final : ice::Peer {
    FakePeer(int from, const ice::Endpoint& to) : fd(from), remote(to) {}

    bool is_lite() const override { return true; }
    std::vector<std::string> candidates() const override { return {}; }
    ice::Credentials local() const override { return {}; }
    ice::Credentials restart() override { return {}; }
    void set_remote(ice::Credentials) override {}
    ice::PeerState state() const override { return ice::PeerState::Connected; }
    ice::Traffic received() const override { return {}; }
    ice::Traffic sent() const override { return {packets, bytes}; }
    std::string remote_address() const override { return remote.text(); }
    void close() override {}
    void send(std::span<const uint8_t> datagram) override {
        sends++;
        sendto(fd, datagram.data(), datagram.size(), 0, remote.get(), remote.size());
    }
    void refresh(ice::Destination& destination) const override {
        destination = {.fd = udp ? fd : -1, .remote = remote, .version = destination_version_};
    }
    void count_sent(uint64_t more, uint64_t more_bytes) override {
        packets += more;
        bytes += more_bytes;
    }
    /// Media goes elsewhere from now on.
    void move(const ice::Endpoint& to) {
        remote = to;
        ++destination_version_;
    }

    int fd;
    ice::Endpoint remote;
    bool udp = true;
    std::atomic<uint64_t> packets{0}, bytes{0}, sends{0};
};

}  // namespace sluice::test
