// Any datagrams, from several ports and over TCP, at a network with peers. The input is a list of datagrams,
// each behind two bytes: what is done to it before it leaves, and its length. Whatever comes, a peer that was
// there before goes on hearing its own.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "ice/ice_client.h"
#include "ice/lite_network.h"

using namespace sluice::ice;
using test::IceClient;

namespace {

enum What : uint8_t {
    Port = 0x07,         ///< Which of the clients sends it.
    Integrity = 0x08,    ///< A right one is added...
    Fingerprint = 0x10,  ///< ...and this too, and the header is put right.
    Restart = 0x20,      ///< The peer restarts ICE first.
    Username = 0x40,     ///< The peer's ufrag stands in it.
};
constexpr int kClients = 8;
/// A peer answers only so many checks.
constexpr unsigned kRunsPerPeer = 20;

struct Ear final : Receiver {
    void on_datagram(std::span<const uint8_t>) override { heard.fetch_add(1); }
    void on_state(PeerState) override {}
    std::atomic<unsigned> heard{0};
};

struct World {
    World() {
        Options options;
        options.addresses = {"127.0.0.1"};
        options.consent_timeout = std::chrono::hours(1);
        network = std::move(LiteNetwork::bind(options)).value();
        const auto& line = network->candidates().front();
        const auto port = line.substr(line.find("127.0.0.1 ") + 10);
        server = *Endpoint::from("127.0.0.1", static_cast<uint16_t>(std::stoi(port)));
        bystander = network->make_peer({});
        bystander->set_receiver(ear);
        bystander->set_remote(IceClient::credentials());
        own = std::make_unique<IceClient>(server);
        if (!own->check_succeeds(bystander->local()))
            abort();
        renew();
    }
    void renew() {
        if (peer)
            peer->close();
        peer = network->make_peer({});
        peer->set_remote(IceClient::credentials());
        for (int i = 0; i < kClients; i++)
            clients[i] = std::make_unique<IceClient>(
                server, i < kClients - 2 ? IceClient::Transport::Udp : IceClient::Transport::Tcp);
    }
    /// All that was sent before over UDP has been read.
    void settle() {
        const auto before = ear->heard.load();
        own->send(test::Packet(100, 0x80));
        while (ear->heard.load() == before) std::this_thread::yield();  // libFuzzer has a watchdog.
    }

    std::unique_ptr<LiteNetwork> network;
    Endpoint server;
    std::shared_ptr<Ear> ear = std::make_shared<Ear>();
    std::shared_ptr<LitePeer> bystander, peer;
    std::unique_ptr<IceClient> own, clients[kClients];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static World world;
    static unsigned runs = 0;
    if (++runs % kRunsPerPeer == 0)
        world.renew();
    std::span<const uint8_t> input(data, size);
    while (input.size() >= 2) {
        const auto what = input[0];
        const auto body = input.subspan(2, std::min<size_t>(input[1], input.size() - 2));
        input = input.subspan(2 + body.size());
        if (what & Restart)
            world.peer->restart();
        auto& client = *world.clients[what & Port];
        if (!(what & (Integrity | Fingerprint | Username))) {
            client.send(body);
            continue;
        }
        const auto local = world.peer->local();
        test::StunText text(body.empty() ? test::Request : body[0] << 8 | 1, test::random_transaction());
        if (what & Username)
            text.attribute(test::Username, local.ufrag + ":" + IceClient::credentials().ufrag);
        text.raw(body.first(body.size() & ~size_t{3}));
        if (what & Integrity)
            text.integrity(local.pwd);
        if (what & Fingerprint)
            text.fingerprint();
        client.send(text.take());
    }
    world.settle();
    return 0;
}
