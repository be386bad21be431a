#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>

#include "ice/ice_client.h"
#include "ice/lite_network.h"

namespace sluice::ice::test {

/// What other threads leave, for a test to wait for. The limit is a watchdog.
template <typename T>
class Mailbox {
public:
    void put(T value) {
        std::lock_guard lock(mutex_);
        values_.push_back(std::move(value));
        arrived_.notify_all();
    }
    std::optional<T> take(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
        std::unique_lock lock(mutex_);
        if (!arrived_.wait_for(lock, limit, [this] { return !values_.empty(); }))
            return std::nullopt;
        T value = std::move(values_.front());
        values_.pop_front();
        return value;
    }
    bool empty() {
        std::lock_guard lock(mutex_);
        return values_.empty();
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<T> values_;
};

/// A peer of the network under test, with what it was given and told.
struct Subject {
    static std::shared_ptr<Subject> make(LiteNetwork& network, bool invited = true) {
        auto self = std::make_shared<Subject>();
        self->peer = network.make_peer([self = self.get()](PeerState state) { self->states.put(state); });
        self->peer->set_receiver(self->inbox);
        if (invited)
            self->peer->set_remote(IceClient::credentials());
        return self;
    }
    ~Subject() { peer->close(); }

    /// Sends a packet of media and says whether the client gets it as the next datagram but checks.
    bool reaches(IceClient& client) {
        const auto packet = rtp(++sent);
        peer->send(packet);
        return client.receive_but_checks() == packet;
    }
    /// The other way.
    bool hears(IceClient& client) {
        const auto packet = rtp(++sent);
        client.send(packet);
        return received.take() == packet;
    }
    static Packet rtp(uint16_t sequence, size_t size = 100) {
        return peer::Writer().u8(0x80).u8(96).u16(sequence).bytes(Packet(size - 4)).take();
    }

    struct Inbox final : Receiver {
        void on_datagram(std::span<const uint8_t> datagram) override {
            packets.put(Packet(datagram.begin(), datagram.end()));
        }
        void on_state(PeerState) override {}
        Mailbox<Packet> packets;
    };
    const std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
    Mailbox<Packet>& received = inbox->packets;
    std::shared_ptr<LitePeer> peer;
    Mailbox<PeerState> states;
    uint16_t sent = 0;
};

struct NetworkFixture : testing::Test {
    static Options on(std::vector<std::string> addresses) {
        Options options;
        options.addresses = std::move(addresses);
        return options;
    }
    static std::unique_ptr<LiteNetwork> open(const Options& options) {
        auto network = LiteNetwork::bind(options);
        EXPECT_TRUE(network) << network.error().message;
        return std::move(network).value();
    }
    /// Address and port of the first candidate.
    static Endpoint server(const LiteNetwork& network) {
        char ip[64] = "";
        int port = 0;
        std::sscanf(network.candidates().front().c_str(), "candidate:%*s %*d %*s %*u %63s %d", ip, &port);
        return *Endpoint::from(ip, static_cast<uint16_t>(port));
    }
};

/// On 127.0.0.1, with one peer.
struct OnePeer : NetworkFixture {
    std::unique_ptr<LiteNetwork> network = open(on({"127.0.0.1"}));
    std::shared_ptr<Subject> subject = Subject::make(*network);
    LitePeer& peer = *subject->peer;
    Endpoint address = server(*network);

    /// The client is the selected path, and the peer connected.
    testing::AssertionResult connect(IceClient& client) {
        if (!client.check_succeeds(peer.local()))
            return testing::AssertionFailure() << "the check was not answered with success";
        if (subject->states.take() != PeerState::Connected)
            return testing::AssertionFailure() << "the peer did not become connected";
        return testing::AssertionSuccess();
    }
};

}  // namespace sluice::ice::test
