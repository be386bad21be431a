#include <regex>

#include "ice/agent.h"
#include "ice/network_fixture.h"
#include "ice/turn_server.h"

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;
using test::IceClient;
using test::Mailbox;

Options full(std::vector<std::string> addresses = {"127.0.0.1"}) {
    Options options;
    options.agent = Agent::Full;
    options.addresses = std::move(addresses);
    options.port_min = 20000;
    options.port_max = 29999;
    options.consent_timeout = 7s;  // libnice asks every 4 to 6 s
    return options;
}

TEST(FullNetwork, SaysWhatIsWrongWithAServer) {
    auto options = full();
    for (const char* wrong :
         {"203.0.113.5:3478", "stun://203.0.113.5", "http://203.0.113.5:80", "turn://a:1"}) {
        options.stun_server = wrong;
        const auto network = Network::open(options);
        ASSERT_FALSE(network) << wrong;
        EXPECT_EQ(network.error().field, "ice.stun-server");
        EXPECT_NE(network.error().message.find(wrong), std::string::npos) << network.error().message;
    }
    options.stun_server = "stun://203.0.113.5:3478";
    options.turn_server = "turn://user:password@203.0.113.5:3478";
    EXPECT_TRUE(Network::open(options));
    options.turn_server = "stun://203.0.113.5:3478";
    EXPECT_FALSE(Network::open(options));
}

/// A webrtcbin that has made its offer, and so is the controlling one.
struct FullPeerTest : testing::Test {
    explicit FullPeerTest(const std::string& turn_server = "") : network(open(turn_server)) {}
    static std::unique_ptr<Network> open(const std::string& turn_server) {
        auto options = full();
        options.turn_server = turn_server;
        return std::move(Network::open(options)).value();
    }

    const std::unique_ptr<Network> network;
    const gst::Ref<GstElement> pipeline = gst::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
    Mailbox<PeerState> states;
    WebrtcBin made = network->make_webrtcbin("webrtc", [this](PeerState state) { states.put(state); });
    Peer& peer = *made.peer;

    void SetUp() override {
        GstElement* bin = made.element.get();
        gst_bin_add(GST_BIN(pipeline.get()), bin);
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        const auto caps = gst::Ref<GstCaps>::adopt(gst_caps_from_string(
            "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,payload=111"));
        gst::Ref<GstWebRTCRTPTransceiver> transceiver;
        g_signal_emit_by_name(bin, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY,
                              caps.get(), transceiver.out());
        const auto created = gst::Ref<GstPromise>::adopt(gst_promise_new());
        g_signal_emit_by_name(bin, "create-offer", nullptr, created.get());
        ASSERT_EQ(gst_promise_wait(created.get()), GST_PROMISE_RESULT_REPLIED);
        GstWebRTCSessionDescription* offer = nullptr;
        gst_structure_get(gst_promise_get_reply(created.get()), "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                          &offer, nullptr);
        const auto set = gst::Ref<GstPromise>::adopt(gst_promise_new());
        g_signal_emit_by_name(bin, "set-local-description", offer, set.get());
        gst_webrtc_session_description_free(offer);
        ASSERT_EQ(gst_promise_wait(set.get()), GST_PROMISE_RESULT_REPLIED);
        Mailbox<bool> gathered;
        peer.when_gathered([&] { gathered.put(true); });
        ASSERT_TRUE(gathered.take());
    }
    void TearDown() override { end(); }
    /// As a connection is taken down.
    void end() {
        if (!made.peer)
            return;
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        made.peer->close();
        gst_bin_remove(GST_BIN(pipeline.get()), made.element.get());
        made = {};
    }
    Endpoint address() const {
        std::smatch found;
        const auto candidates = peer.candidates();
        const auto line = candidates.empty() ? std::string() : candidates.front();
        if (!std::regex_search(line, found, std::regex("127\\.0\\.0\\.1 (\\d+) typ host")))
            return {};
        return *Endpoint::from("127.0.0.1", static_cast<uint16_t>(std::stoi(found[1])));
    }
    /// The client plays the controlled agent until the peer is connected.
    testing::AssertionResult connect(IceClient& client) {
        peer.set_remote(IceClient::credentials());
        const auto local = peer.local();
        client.send(IceClient::check(local, test::random_transaction(), false, test::IceControlled)
                        .integrity(local.pwd)
                        .fingerprint()
                        .take());
        answer(client, 10s);
        if (states.take(0ms) != PeerState::Connected)
            return testing::AssertionFailure() << "never connected";
        return testing::AssertionSuccess();
    }
    /// Answers checks until the state changes; gives their number.
    unsigned answer(IceClient& client, std::chrono::seconds limit) {
        unsigned checks = 0;
        const auto end = Clock::now() + limit;
        while (states.empty() && Clock::now() < end) {
            const auto got = client.receive(50ms);
            if (!got || test::type_of(*got) != test::Request)
                continue;
            client.send(IceClient::answer_to(*got, address()));
            checks++;
        }
        return checks;
    }
};

TEST_F(FullPeerTest, HasAllCandidatesOfTheAddressesAndPortsItMayUse) {
    EXPECT_FALSE(peer.is_lite());
    ASSERT_EQ(peer.candidates().size(), 1U);
    EXPECT_TRUE(peer.candidates().front().starts_with("candidate:")) << peer.candidates().front();
    EXPECT_GE(address().port(), 20000);
    EXPECT_LT(address().port(), 30000);
    EXPECT_EQ(network->stats().peers, 1U);
}

TEST_F(FullPeerTest, RestartsWithNewCredentials) {
    const auto before = peer.local();
    const auto after = peer.restart();
    EXPECT_FALSE(before.ufrag.empty());
    EXPECT_NE(before.ufrag, after.ufrag);
    EXPECT_NE(before.pwd, after.pwd);
    EXPECT_EQ(peer.local().ufrag, after.ufrag);
}

TEST_F(FullPeerTest, PassesOverCandidatesThatItCannotUse) {
    peer.set_remote(IceClient::credentials());
    peer.add_remote({"candidate:1 1 udp 2113937151 8b2b5c0e-aaaa-4b6e-9a0f-000000000000.local 50000 typ host",
                     "candidate:2 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
                     "candidate:", "nonsense", "candidate:3 1 udp 1 999.1.1.1 99999999 typ host"});
    EXPECT_EQ(peer.state(), PeerState::New);
}

TEST_F(FullPeerTest, TakesCandidatesThatComeLaterAndMoreThanOnce) {
    IceClient client(address());
    const auto candidate =
        "candidate:1 1 udp 2113937151 127.0.0.1 " + std::to_string(client.local().port()) + " typ host";
    peer.set_remote(IceClient::credentials());
    peer.add_remote({});
    peer.add_remote({candidate});
    answer(client, 10s);
    EXPECT_EQ(states.take(0ms), PeerState::Connected);
    EXPECT_EQ(peer.remote_address(), client.local().text());
    for (int i = 0; i < 50; i++) peer.add_remote({candidate});
    EXPECT_LT(answer(client, 1s), 10U) << "it is checked no more than before";
    EXPECT_TRUE(states.empty());
}

TEST_F(FullPeerTest, LivesOnAnswersAloneAndNoticesTheirEnd) {
    auto client = std::make_unique<IceClient>(address());
    ASSERT_TRUE(connect(*client));
    EXPECT_EQ(peer.remote_address(), client->local().text());
    answer(*client, 9s);
    EXPECT_TRUE(states.empty());
    client.reset();
    EXPECT_EQ(states.take(10s), PeerState::Failed);
}

struct RelayedPeerTest : FullPeerTest {
    explicit RelayedPeerTest(std::unique_ptr<test::TurnServer> server = std::make_unique<test::TurnServer>())
        : FullPeerTest(server->uri()), turn(std::move(server)) {
        gst::Ref<GstWebRTCICE> agent;
        g_object_get(made.element.get(), "ice-agent", agent.out(), nullptr);
        g_object_weak_ref(
            G_OBJECT(agent.get()), [](gpointer ended, GObject*) { *static_cast<bool*>(ended) = true; },
            &ended);
    }
    /// The agent goes once the server has its allocation back.
    void TearDown() override {
        end();
        bool late = false;
        const guint watchdog = g_timeout_add_seconds(
            20,
            [](gpointer flag) -> gboolean {
                *static_cast<bool*>(flag) = true;
                return G_SOURCE_CONTINUE;
            },
            &late);
        while (!ended && !late) g_main_context_iteration(nullptr, TRUE);
        g_source_remove(watchdog);
        EXPECT_TRUE(ended) << "the agent's end";
    }

    const std::unique_ptr<test::TurnServer> turn;
    bool ended = false;
};

TEST_F(RelayedPeerTest, OffersItsAddressAtTheTurnServer) {
    const auto lines = peer.candidates();
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_NE(lines.back().find(" 127.0.0.2 50000 typ relay"), std::string::npos) << lines.back();
}

TEST_F(RelayedPeerTest, GivesItsAllocationBackAtTheEnd) {
    end();
    EXPECT_EQ(turn->refreshed().take(), 0U) << "the seconds that the allocation is to live";
}

}  // namespace
}  // namespace sluice::ice

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    gst_init(nullptr, nullptr);
    return RUN_ALL_TESTS();
}
