#include "element_fixture.h"

namespace sluice::test {
namespace {

using Names = std::vector<std::string>;
constexpr GstClockTime kInterval = 500 * GST_MSECOND;

/// Requests for key frames as sluicetrack merges them, on a clock that stands still until it is turned.
struct Requests : TimedElement {
    void SetUp() override {
        make("sluicetrack");
        g_object_set(element_.get(), "codec", "VP8", "open", TRUE, nullptr);
        EXPECT_TRUE(asks()) << "opening is the first request";
        key_frame();
        advance(kInterval);
    }
    void key_frame() { push(Rtp{.sequence = sequence_++, .payload = {0x10, 0x00, 1}}); }
    void other_frame() { push(Rtp{.sequence = sequence_++, .payload = {0x10, 0x01, 1}}); }
    /// Turns the clock to where its next timer is due, and runs that.
    void turn_to_next_timer() { ASSERT_TRUE(gst_harness_crank_single_clock_wait(harness_)); }
    guint64 sent() const { return counter("key-frame-requests"); }

    uint16_t sequence_ = 0;
};

TEST_F(Requests, ManyAtOnceAreOne) {
    for (int i = 0; i < 100; i++) ask();
    EXPECT_TRUE(asks());
    EXPECT_EQ(upstream_events(), Names{});
    EXPECT_EQ(sent(), 2U);
}

TEST_F(Requests, OneThatComesTooEarlyWaitsAndIsNotLost) {
    ask();
    EXPECT_TRUE(asks());
    key_frame();
    advance(100 * GST_MSECOND);
    ask();
    ask();
    EXPECT_EQ(upstream_events(), Names{});
    turn_to_next_timer();
    EXPECT_TRUE(asks());
    EXPECT_EQ(now(), 2 * kInterval);
    EXPECT_EQ(sent(), 3U);
}

TEST_F(Requests, IsRepeatedUntilAKeyFrameComes) {
    const auto asked = now();
    ask();
    EXPECT_TRUE(asks());
    for (unsigned i = 1; i <= 3; i++) {
        other_frame();
        turn_to_next_timer();
        EXPECT_TRUE(asks());
        EXPECT_EQ(now(), asked + i * kInterval);
    }
    key_frame();
    advance(10 * kInterval);
    ask();
    EXPECT_TRUE(asks());
    EXPECT_EQ(sent(), 6U) << "none between the key frame and the new request";
}

TEST_F(Requests, OneThatNobodyHasHeardHoldsUpNobody) {
    const auto sink = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "sink"));
    gst_pad_unlink(harness_->srcpad, sink.get());
    ask();
    EXPECT_EQ(sent(), 1U);
    ASSERT_EQ(gst_pad_link(harness_->srcpad, sink.get()), GST_PAD_LINK_OK);
    advance(100 * GST_MSECOND);
    const auto asked = now();
    ask();
    EXPECT_TRUE(asks()) << "at once";
    for (int i = 0; i < 2; i++) turn_to_next_timer();
    EXPECT_TRUE(asks()) << "and again after its time, not that of the first";
    EXPECT_EQ(now(), asked + kInterval);
    EXPECT_EQ(sent(), 3U);
}

TEST_F(Requests, IsGivenUpAfterTen) {
    ask();
    EXPECT_TRUE(asks());
    for (int i = 1; i < 10; i++) {
        turn_to_next_timer();
        EXPECT_TRUE(asks());
    }
    turn_to_next_timer();
    advance(kInterval);
    ask();
    EXPECT_TRUE(asks()) << "a new request begins anew";
    EXPECT_EQ(sent(), 12U);
}

TEST_F(Requests, WhatWasGivenUpIsAskedForAgainOnceVideoComes) {
    ask();
    EXPECT_TRUE(asks());
    for (int i = 1; i < 10; i++) {
        turn_to_next_timer();
        EXPECT_TRUE(asks());
    }
    other_frame();
    other_frame();
    EXPECT_EQ(upstream_events(), Names{}) << "not before its time";
    for (int i = 0; i < 2; i++) {
        turn_to_next_timer();
        ASSERT_TRUE(asks());
    }
    key_frame();
    other_frame();
    advance(10 * kInterval);
    other_frame();
    EXPECT_EQ(upstream_events(), Names{});
    EXPECT_EQ(sent(), 13U);
}

TEST_F(TimedElement, TheFirstStreamWhoseKeyFrameWasLostIsAskedForOneAtOnce) {
    make("sluicetrack");
    const auto sink = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "sink"));
    gst_pad_unlink(harness_->srcpad, sink.get());
    g_object_set(element_.get(), "codec", "VP8", "open", TRUE, nullptr);
    ASSERT_EQ(gst_pad_link(harness_->srcpad, sink.get()), GST_PAD_LINK_OK);
    push(Rtp{.sequence = 9, .payload = {0x10, 0x01, 1}});
    EXPECT_TRUE(asks()) << "nobody had been there to hear it as the track opened";
}

TEST_F(Requests, AnotherEncoderWhoseKeyFrameWasLostIsAskedForOne) {
    push(Rtp{.sequence = 9, .payload = {0x10, 0x01, 1}, .ssrc = 2});
    EXPECT_TRUE(asks());
    push(Rtp{.sequence = 10, .payload = {0x10, 0x01, 1}, .ssrc = 2});
    EXPECT_EQ(sent(), 2U);
}

TEST_F(Requests, AnotherEncoderThatBeginsWithPaddingIsAskedForOne) {
    push(Rtp{.sequence = 9, .payload = {}, .ssrc = 2, .padding = 200});
    EXPECT_TRUE(asks());
}

TEST_F(Requests, AKeyFrameAnswersThoseThatWait) {
    ask();
    EXPECT_TRUE(asks());
    advance(100 * GST_MSECOND);
    ask();
    key_frame();
    advance(kInterval);
    ask();
    EXPECT_TRUE(asks());
    EXPECT_EQ(sent(), 3U);
}

TEST_F(Requests, ThreadsThatAskAtOnceMakeOne) {
    std::vector<GThread*> threads;
    for (int i = 0; i < 8; i++)
        threads.push_back(g_thread_new(
            "asks",
            [](gpointer self) -> gpointer {
                for (int n = 0; n < 200; n++) static_cast<Requests*>(self)->ask();
                return nullptr;
            },
            this));
    for (GThread* thread : threads) g_thread_join(thread);
    EXPECT_TRUE(asks());
    EXPECT_EQ(sent(), 2U);
    turn_to_next_timer();
    EXPECT_TRUE(asks());
    EXPECT_EQ(sent(), 3U);
}

TEST_F(Requests, UnmutingAsksAndMutedNobodyDoes) {
    set("muted", true);
    ask();
    EXPECT_EQ(upstream_events(), Names{});
    set("muted", false);
    EXPECT_TRUE(asks());
    EXPECT_EQ(sent(), 2U);
}

TEST_F(Requests, AMuteEndsWhatWasAskedFor) {
    ask();
    EXPECT_TRUE(asks());
    set("muted", true);
    advance(kInterval);
    set("muted", false);
    EXPECT_TRUE(asks());
    EXPECT_EQ(sent(), 3U) << "opening, the request, unmuting";
}

TEST_F(Requests, SoundIsNeverAskedFor) {
    g_object_set(element_.get(), "codec", "opus", nullptr);
    ask();
    EXPECT_EQ(upstream_events(), Names{});
}

TEST_F(Requests, AStoppedTrackAsksNoMore) {
    ask();
    gst_element_set_state(element_.get(), GST_STATE_NULL);
    EXPECT_EQ(gst_test_clock_peek_id_count(clock_.get()), 0U);
}

}  // namespace
}  // namespace sluice::test
