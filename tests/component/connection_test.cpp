#include "media/connection.h"

#include <atomic>

#include "gst/workers.h"
#include "media_fixture.h"

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

}  // namespace
}  // namespace sluice::test
