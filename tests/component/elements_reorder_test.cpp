#include <initializer_list>

#include <gst/rtp/rtp.h>

#include "element_fixture.h"
#include "elements/arrival_time.h"

namespace sluice::test {
namespace {

using Sequences = std::vector<int>;

constexpr GstClockTime kLatency = 200 * GST_MSECOND;
constexpr const char* kPlainCaps = "application/x-rtp, clock-rate=90000";
constexpr uint64_t kReported = 3'900'000'000;  ///< Seconds since 1900.

struct Reorder : TimedElement {
    void SetUp() override {
        make("sluicereorder");
        g_signal_connect(element_.get(), "request-pt-map", G_CALLBACK(+[](GstElement*, guint, gpointer self) {
                             return gst_caps_from_string(static_cast<Reorder*>(self)->caps_);
                         }),
                         this);
        g_object_set(element_.get(), "latency", guint{kLatency / GST_MSECOND}, nullptr);
        upstream_events();
    }
    void TearDown() override {
        if (reports_)
            gst_harness_teardown(reports_);
        TimedElement::TearDown();
    }
    void push_each(std::initializer_list<int> sequences) {
        for (const int sequence : sequences)
            EXPECT_EQ(push(Rtp{.sequence = uint16_t(sequence)}), GST_FLOW_OK);
    }
    void push_resent(int sequence) {
        EXPECT_EQ(push(Rtp{.sequence = uint16_t(sequence)}.write(),
                       static_cast<GstBufferFlags>(GST_RTP_BUFFER_FLAG_RETRANSMISSION)),
                  GST_FLOW_OK);
    }
    /// What was asked for since the last call.
    Sequences requests() {
        Sequences all;
        while (GstEvent* event = gst_harness_try_pull_upstream_event(harness_)) {
            guint sequence = 0;
            if (gst_event_has_name(event, "GstRTPRetransmissionRequest") &&
                gst_structure_get_uint(gst_event_get_structure(event), "seqnum", &sequence))
                all.push_back(int(sequence));
            gst_event_unref(event);
        }
        return all;
    }
    /// Each packet's time, in milliseconds, and the sender's, if it has one.
    std::pair<GstClockTime, std::optional<GstClockTime>> times() {
        GstBuffer* buffer = gst_harness_pull(harness_);
        const auto* meta = gst_buffer_get_reference_timestamp_meta(buffer, nullptr);
        const std::pair result{GST_BUFFER_PTS(buffer),
                               meta ? std::optional(meta->timestamp) : std::optional<GstClockTime>()};
        gst_buffer_unref(buffer);
        return result;
    }
    void push_at(uint32_t timestamp, GstClockTime arrival) {
        const auto bytes = Rtp{.sequence = sequence_++, .timestamp = timestamp}.write();
        GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_PTS(buffer) = arrival;
        gst_harness_push(harness_, buffer);
    }
    void report(uint32_t timestamp) {
        if (!reports_) {
            reports_ = gst_harness_new_with_element(element_.get(), "sink_rtcp", nullptr);
            gst_harness_set_src_caps_str(reports_, "application/x-rtcp");
        }
        GstBuffer* buffer = gst_rtcp_buffer_new(200);
        GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
        GstRTCPPacket packet;
        gst_rtcp_buffer_map(buffer, GST_MAP_READWRITE, &rtcp);
        gst_rtcp_buffer_add_packet(&rtcp, GST_RTCP_TYPE_SR, &packet);
        gst_rtcp_packet_sr_set_sender_info(&packet, 9, kReported << 32, timestamp, 0, 0);
        gst_rtcp_buffer_unmap(&rtcp);
        EXPECT_EQ(gst_harness_push(reports_, buffer), GST_FLOW_OK);
    }

    GstHarness* reports_ = nullptr;
    uint16_t sequence_ = 0;
    const char* caps_ = "application/x-rtp, clock-rate=90000, rtcp-fb-nack=(boolean)true";
};

TEST_F(Reorder, WhatIsInOrderGoesOnAtOnce) {
    for (const int sequence : {65534, 65535, 0, 1}) {
        push_each({sequence});
        EXPECT_EQ(sequences(), Sequences{sequence});
    }
    EXPECT_EQ(requests(), Sequences{});
    EXPECT_EQ(gst_test_clock_peek_id_count(clock_.get()), 0U) << "no timer where nothing is missing";
}

TEST_F(Reorder, TheStreamsCapsPass) {
    gst_harness_set_src_caps_str(harness_, "application/x-rtp, ssrc=(uint)5");
    push_each({1});
    const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_current_caps(harness_->sinkpad));
    ASSERT_TRUE(caps);
    guint ssrc = 0;
    EXPECT_TRUE(gst_structure_get_uint(gst_caps_get_structure(caps.get(), 0), "ssrc", &ssrc));
    EXPECT_EQ(ssrc, 5U);
}

TEST_F(Reorder, WhatWasOvertakenGoesFirst) {
    push_each({65535, 2, 1});
    EXPECT_EQ(sequences(), Sequences{65535});
    push_each({0});
    EXPECT_EQ(sequences(), (Sequences{0, 1, 2}));
    EXPECT_EQ(gst_test_clock_peek_id_count(clock_.get()), 0U);
    EXPECT_EQ(counter("lost"), 0U);
}

TEST_F(Reorder, WhatIsMissingIsAskedForAtOnceAndAgain) {
    push_each({10, 13});
    EXPECT_EQ(requests(), (Sequences{11, 12}));
    push_each({14});
    EXPECT_EQ(requests(), Sequences{});
    push_resent(12);
    advance(100 * GST_MSECOND);
    EXPECT_EQ(requests(), Sequences{11});
    push_resent(11);
    EXPECT_EQ(sequences(), (Sequences{10, 11, 12, 13, 14}));
    advance(kLatency);
    EXPECT_EQ(requests(), Sequences{});
    EXPECT_EQ(counter("requests"), 3U);
    EXPECT_EQ(counter("lost"), 0U);
}

TEST_F(Reorder, ALossIsWaitedForNoLongerThanTheLatency) {
    push_each({1, 3});
    advance(kLatency / 2);
    push_each({5});
    advance(kLatency / 2 - 1);
    EXPECT_EQ(sequences(), Sequences{1});
    advance(1);
    EXPECT_EQ(sequences(), Sequences{3}) << "4 was missed later";
    advance(kLatency / 2);
    EXPECT_EQ(sequences(), Sequences{5});
    EXPECT_EQ(counter("lost"), 2U);
    push_resent(4);
    push_each({6});
    EXPECT_EQ(sequences(), Sequences{6});
    EXPECT_EQ(counter("late"), 1U);
}

TEST_F(Reorder, WhatHasWaitedDoesNotGoOnOnTheClocksThread) {
    std::thread::id by;
    gst_pad_add_probe(
        harness_->sinkpad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo*, gpointer id) {
            *static_cast<std::thread::id*>(id) = std::this_thread::get_id();
            return GST_PAD_PROBE_OK;
        },
        &by, nullptr);
    push_each({1, 3});
    advance(kLatency);
    EXPECT_EQ(sequences(), (Sequences{1, 3}));
    EXPECT_NE(by, std::this_thread::get_id()) << "here the clock's thread is the test's";
}

TEST_F(Reorder, WhatIsNotSentAgainIsNotWaitedForOnceThreeHavePassed) {
    caps_ = kPlainCaps;
    set("do-retransmission", true);  // as webrtcbin does where another section has it
    push_each({1, 3, 4});
    EXPECT_EQ(sequences(), Sequences{1});
    push_each({5});
    EXPECT_EQ(sequences(), (Sequences{3, 4, 5}));
    push_each({7, 6});
    EXPECT_EQ(sequences(), (Sequences{6, 7})) << "overtaken";
    push_each({9});
    advance(kLatency);
    EXPECT_EQ(sequences(), Sequences{9});
    EXPECT_EQ(requests(), Sequences{});
    EXPECT_EQ(counter("lost"), 2U);
}

TEST_F(Reorder, ManyThatAreLateInARowAreLate) {
    caps_ = kPlainCaps;
    push_each({1, 8, 9, 10});
    EXPECT_EQ(sequences(), (Sequences{1, 8, 9, 10}));
    push_each({2, 3, 4, 5, 6, 7});
    EXPECT_EQ(sequences(), Sequences{});
    push_each({11, 12});
    EXPECT_EQ(sequences(), (Sequences{11, 12}));
    EXPECT_EQ(counter("late"), 6U);
    EXPECT_EQ(counter("lost"), 6U);
}

TEST_F(Reorder, TheSamePacketTwiceIsOne) {
    push_each({1, 1, 3, 3, 2, 2});
    EXPECT_EQ(sequences(), (Sequences{1, 2, 3}));
    EXPECT_EQ(counter("late"), 3U);
}

TEST_F(Reorder, WhatIsSentAgainDoesNotLead) {
    push_resent(5);
    push_each({10});
    push_resent(11);
    push_resent(5000);
    push_each({11, 12});
    EXPECT_EQ(sequences(), (Sequences{10, 11, 12}));
    EXPECT_EQ(requests(), Sequences{});
    EXPECT_EQ(counter("late"), 3U);
}

TEST_F(Reorder, AStreamThatLeapsGoesOn) {
    push_each({1, 3, 5000, 5001});
    EXPECT_EQ(sequences(), (Sequences{1, 3, 5000, 5001}));
    EXPECT_EQ(requests(), Sequences{2});
    // Backwards, as old packets may come, it is believed when they come in a row.
    push_each({100, 101, 102, 103});
    EXPECT_EQ(sequences(), Sequences{});
    push_each({104, 105});
    EXPECT_EQ(sequences(), (Sequences{104, 105}));
    for (int sequence = 1; sequence < 20; sequence++) push_resent(sequence);
    EXPECT_EQ(sequences(), Sequences{});
    push_each({106});
    EXPECT_EQ(sequences(), Sequences{106});
}

/// Nobody keeps so much to send again, and each request has its cost.
TEST_F(Reorder, OnlySoMuchIsMissingAtATime) {
    push_each({1, 801});
    EXPECT_EQ(requests().size(), 799U);
    push_each({1601});
    EXPECT_EQ(requests().size(), 0U) << "it has leapt";
    push_each({1603});
    EXPECT_EQ(requests(), Sequences{1602});
}

TEST_F(Reorder, WaitsForNothingOnceItHasStopped) {
    push_each({1, 3});
    gst_element_set_state(element_.get(), GST_STATE_READY);
    EXPECT_EQ(gst_test_clock_peek_id_count(clock_.get()), 0U);
}

TEST_F(Reorder, PacketsHaveTheTimeOfTheQuickestAndTheSendersOnceItIsKnown) {
    set("add-reference-timestamp-meta", true);
    using Times = std::pair<GstClockTime, std::optional<GstClockTime>>;
    push_at(0, 50 * GST_MSECOND);
    EXPECT_EQ(times(), (Times{50 * GST_MSECOND, std::nullopt}));
    push_at(0, 70 * GST_MSECOND);  // of the same frame, paced
    EXPECT_LT(times().first, 51 * GST_MSECOND);
    report(9000);
    push_at(18'000, 240 * GST_MSECOND);  // 10 ms quicker
    EXPECT_EQ(times(), (Times{240 * GST_MSECOND, kReported * GST_SECOND + 100 * GST_MSECOND}));
    report(9'000'000);  // not of these packets
    push_at(0, 241 * GST_MSECOND);
    EXPECT_EQ(times().second, kReported * GST_SECOND - 100 * GST_MSECOND);
}

TEST(ArrivalTime, FollowsAClockThatIsSlowerAndALeap) {
    elements::ArrivalTime time;
    time.set_clock_rate(1000);
    GstClockTime last = 0;
    for (uint32_t ms = 0; ms < 100'000; ms += 20) {
        const auto arrival = GstClockTime(ms) * GST_MSECOND + ms * 100;  // 100 ppm
        last = time(ms + 0xffff0000, arrival + (ms % 200 ? 30 * GST_MSECOND : 0));
        EXPECT_NEAR(double(last), double(arrival), 1e6);
    }
    EXPECT_EQ(time(5, 200 * GST_SECOND), 200 * GST_SECOND);
    EXPECT_NEAR(double(time(10, 201 * GST_SECOND)), double(200 * GST_SECOND + 5 * GST_MSECOND), 1e6);
}

TEST(ArrivalTime, IsRightForAStreamThatBeginsOrGoesOnAfterADay) {
    for (const GstClockTime silence : {14, 24, 25, 100}) {
        elements::ArrivalTime time;
        time.set_clock_rate(1000);
        const auto later = silence * 3600 * GST_SECOND;
        EXPECT_EQ(time(0, later), later);
        EXPECT_EQ(time(20, later + 20 * GST_MSECOND), later + 20 * GST_MSECOND);
        const auto ms = uint32_t(silence * 3'600'000);
        EXPECT_EQ(time(20 + ms, 2 * later + 20 * GST_MSECOND), 2 * later + 20 * GST_MSECOND);
    }
}

}  // namespace
}  // namespace sluice::test
