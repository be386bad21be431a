#include "media/connection.h"

#include <atomic>
#include <regex>

#include "gst/workers.h"
#include "media_fixture.h"
#include "peer/udp_socket.h"

namespace sluice::test {
namespace {

struct Connections : MediaFixture {
    void TearDown() override {
        pipeline.reset();
        workers.reset();
        MediaFixture::TearDown();
    }
    Result<std::shared_ptr<media::Connection>> make(const std::string& name) {
        return media::Connection::create(around, pipeline, name, "alan", {});
    }

    std::unique_ptr<gst::Workers> workers = std::make_unique<gst::Workers>(1);
    media::Surroundings around{.scheduler = scheduler,
                               .network = *network,
                               .latency = 200ms,
                               .connect_timeout = 30s,
                               .files = *workers,
                               .drawings = *workers};
    std::shared_ptr<media::Pipeline> pipeline = media::Pipeline::create(scheduler, *workers, "room", "ada");
};

TEST_F(Connections, OneWhoseNameIsTakenIsRefused) {
    const auto first = make("consumer(alan)"), second = make("consumer(alan)");
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("\"consumer(alan)\""), std::string::npos) << second.error().message;
    EXPECT_EQ(around.connections, 1U);
    EXPECT_EQ(network->stats().peers, 1U);
    EXPECT_EQ(pipeline->free_name("consumer(alan)"), "consumer(alan)#2");
}

/// A webrtcbin's own thread gets no processor.
gboolean hold_up(GSignalInvocationHint*, guint, const GValue*, gpointer held) {
    *static_cast<std::atomic<bool>*>(held) = true;
    g_usleep(300000);
    return FALSE;
}

TEST_F(Connections, WhatIsNotBegunWhenOneClosesIsAnswered) {
    std::atomic<bool> held = false;
    const guint needed = g_signal_lookup("on-negotiation-needed", g_type_from_name("GstWebRTCBin"));
    g_signal_add_emission_hook(needed, 0, hold_up, &held, nullptr);
    const auto connection = make("consumer(alan)");
    ASSERT_TRUE(connection) << connection.error().message;
    ASSERT_TRUE(wait_for("webrtcbin's thread", [&] { return held.load(); }));
    std::optional<Result<std::string>> made;
    std::optional<Result<Ok>> set;
    (*connection)->create_local(GST_WEBRTC_SDP_TYPE_OFFER, Done<std::string>([&](Result<std::string> result) {
                                    made = std::move(result);
                                }));
    (*connection)->set_remote(GST_WEBRTC_SDP_TYPE_OFFER, "v=0\r\n", Done<Ok>([&](Result<Ok> result) {
                                  set = std::move(result);
                              }));
    (*connection)->close();
    ASSERT_TRUE(wait_for("an answer to both", [&] { return made && set; }));
    ASSERT_FALSE(*made);
    EXPECT_EQ(made->error().code, ErrorCode::WrongState);
    ASSERT_FALSE(*set);
    EXPECT_EQ(set->error().code, ErrorCode::WrongState) << set->error().message;
}

/// Of browsers that make no checks.
struct FullAgent : MediaFixture {
    FullAgent() : MediaFixture(20s, ice::Agent::Full) {}

    /// `sdp` with that candidate alone; without one it has none.
    static std::string with_candidate(const std::string& sdp, const std::string& candidate = {}) {
        return std::regex_replace(sdp, std::regex("a=candidate:[^\r]*\r\n"), candidate);
    }
    testing::AssertionResult is_checked() {
        return wait_for("a check", [this] { return checks > 0; });
    }

    unsigned checks = 0;
    peer::UdpSocket socket{loop, [this](auto, const auto&, auto) { checks++; }};
    const std::string candidate =
        "a=candidate:1 1 udp 2113937151 127.0.0.1 " + std::to_string(socket.port()) + " typ host\r\n";
};

TEST_F(FullAgent, TakesCandidatesOfALaterOffer) {
    Publisher ada(*this, "ada", {.ice = false});
    ada.browser->add_track(Kind::Audio);
    for (const auto& lines : {std::string(), candidate}) {
        const auto offer = with_candidate(ada.browser->create_offer(), lines);
        const auto answer =
            await<std::string>([&](Done<std::string> done) { ada.server->offer(offer, std::move(done)); });
        ASSERT_TRUE(answer) << answer.error().message;
    }
    EXPECT_TRUE(is_checked());
}

TEST_F(FullAgent, TakesCandidatesOfALaterAnswer) {
    Publisher ada(*this, "ada", {.ice = false});
    ada.browser->add_track(Kind::Audio);
    ASSERT_TRUE(ada.negotiate());
    Viewer alan(*this, ada, "alan", {.ice = false});
    for (const auto& lines : {std::string(), candidate}) {
        const auto offer = alan.offer();
        ASSERT_TRUE(offer) << offer.error().message;
        const auto answer = alan.browser->answer(*offer);
        ASSERT_TRUE(answer) << answer.error().message;
        const auto taken = await<Ok>(
            [&](Done<Ok> done) { alan.server->answer(with_candidate(*answer, lines), std::move(done)); });
        ASSERT_TRUE(taken) << taken.error().message;
    }
    EXPECT_TRUE(is_checked());
}

}  // namespace
}  // namespace sluice::test
