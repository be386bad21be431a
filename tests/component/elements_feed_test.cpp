#include <chrono>
#include <condition_variable>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <vector>

#include <gst/gst.h>

#include "component/element_fixture.h"
#include "elements/feed.h"
#include "elements/timeline.h"

namespace sluice::test {
namespace {

using elements::FeedEvent;
using elements::Timeline;

constexpr uint64_t kNtp = 3'900'000'000 * GST_SECOND;  ///< Some day of these years.

struct TimelineTest : testing::Test {
    Timeline timeline;
    const size_t sound = timeline.add(48000);
    const size_t picture = timeline.add(90000);
};

TEST_F(TimelineTest, BeforeAReportATimeIsTheArrival) {
    EXPECT_EQ(timeline.time(sound, 7, 5 * GST_SECOND), 5 * GST_SECOND);
    EXPECT_FALSE(timeline.synced(sound));
}

TEST_F(TimelineTest, WhatWasCapturedTogetherHasOneTime) {
    // The picture is 40 ms on its way, the sound 340 ms.
    timeline.learn(picture, 1000, 10040 * GST_MSECOND, kNtp);
    timeline.learn(sound, 500, 10340 * GST_MSECOND, kNtp);
    EXPECT_EQ(timeline.time(picture, 1000, 10040 * GST_MSECOND), 10040 * GST_MSECOND);
    EXPECT_EQ(timeline.time(sound, 500, 10340 * GST_MSECOND), 10040 * GST_MSECOND);
    EXPECT_EQ(timeline.time(picture, 1000 + 90000, 13 * GST_SECOND), 11040 * GST_MSECOND);
    EXPECT_EQ(timeline.time(sound, 500 + 48000, 11350 * GST_MSECOND), 11040 * GST_MSECOND);
}

TEST_F(TimelineTest, RtpTimesWrap) {
    timeline.learn(sound, 0xffffff00, GST_SECOND, kNtp);
    EXPECT_EQ(timeline.time(sound, 0xffffff00 + 48000, GST_SECOND), 2 * GST_SECOND);
    EXPECT_EQ(timeline.time(sound, 0xffffff00 + 96000, GST_SECOND), 3 * GST_SECOND);
}

TEST_F(TimelineTest, NeverGoesBack) {
    EXPECT_EQ(timeline.time(sound, 0, 2 * GST_SECOND), 2 * GST_SECOND);
    timeline.learn(picture, 0, GST_SECOND, kNtp);
    timeline.learn(sound, 0, 1500 * GST_MSECOND, kNtp);
    EXPECT_EQ(timeline.time(sound, 0, 1500 * GST_MSECOND), 2 * GST_SECOND);
    EXPECT_EQ(timeline.time(sound, 96000, 3500 * GST_MSECOND), 3 * GST_SECOND);
}

TEST_F(TimelineTest, AnotherClockBeginsAnew) {
    timeline.learn(sound, 0, GST_SECOND, kNtp);
    timeline.learn(sound, 48000, 2 * GST_SECOND, kNtp + 3600 * GST_SECOND);
    EXPECT_EQ(timeline.time(sound, 48000, 2 * GST_SECOND), 2 * GST_SECOND);
}

TEST_F(TimelineTest, WhatIsHeldUpOnItsWayHasNoOtherClock) {
    timeline.learn(sound, 0, GST_SECOND, kNtp);
    timeline.learn(picture, 0, GST_SECOND, kNtp);
    for (const auto stream : {sound, picture})
        timeline.learn(stream, stream == sound ? 96000 : 180000, 4500 * GST_MSECOND, kNtp + 2 * GST_SECOND);
    EXPECT_LT(timeline.time(sound, 96000, 4500 * GST_MSECOND), 3001 * GST_MSECOND);
    EXPECT_EQ(timeline.time(sound, 96000, 4500 * GST_MSECOND),
              timeline.time(picture, 180000, 4500 * GST_MSECOND));
}

TEST_F(TimelineTest, WhatIsHeldUpAtTheBeginningIsPutRightAfterwards) {
    timeline.learn(picture, 0, GST_SECOND, kNtp);
    timeline.learn(sound, 48000, 4 * GST_SECOND, kNtp + GST_SECOND);
    timeline.learn(sound, 144000, 4 * GST_SECOND, kNtp + 3 * GST_SECOND);
    EXPECT_EQ(timeline.time(sound, 144000, 4 * GST_SECOND), 4 * GST_SECOND);
}

TEST_F(TimelineTest, FollowsAClockThatRunsOtherwise) {
    // Half a second too slow in 5,000.
    GstClockTime arrival = GST_SECOND;
    uint64_t ntp = kNtp;
    uint32_t rtp = 0;
    for (int i = 0; i < 250'000; i++) {
        timeline.learn(sound, rtp, arrival, ntp);
        rtp += 960;
        ntp += 20 * GST_MSECOND;
        arrival += 20 * GST_MSECOND + 2 * GST_USECOND;
    }
    EXPECT_NEAR(static_cast<double>(arrival - timeline.time(sound, rtp, arrival)), 250e6, 5e6);
}

/// A feed of a lane of video, whose output takes nothing until the test lets it.
struct FeedTest : testing::Test {
    void SetUp() override {
        feed = gst::Ref<GstElement>::sink(gst_element_factory_make("sluicefeed", nullptr));
        in = add_lane(true);
        elements::feed_listen(feed.get(), [this](const FeedEvent& event) {
            std::lock_guard lock(mutex);
            ended |= event.kind == FeedEvent::Kind::Ended;
            if (event.kind == FeedEvent::Kind::Began)
                began.push_back(event.lane);
            changed.notify_all();
        });
        gst_element_set_state(feed.get(), GST_STATE_PLAYING);
    }
    void TearDown() override {
        gst_element_set_state(feed.get(), GST_STATE_NULL);
        for (const auto& pad : outputs) gst_pad_set_active(pad.get(), FALSE);
    }

    gst::Ref<GstPad> add_lane(bool video) const {
        auto pad = gst::Ref<GstPad>::adopt(elements::feed_add_lane(feed.get(), video, 90000));
        gst_pad_send_event(pad.get(), gst_event_new_stream_start("in"));
        const auto caps =
            gst::Ref<GstCaps>::adopt(gst_caps_from_string("application/x-rtp,clock-rate=90000"));
        gst_pad_send_event(pad.get(), gst_event_new_caps(caps.get()));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_send_event(pad.get(), gst_event_new_segment(&segment));
        return pad;
    }

    /// An output whose packets come to take().
    void add_output(unsigned number, unsigned lane = 0) {
        const auto from = gst::Ref<GstPad>::adopt(elements::feed_add_output(feed.get(), number, lane));
        outputs.push_back(gst::Ref<GstPad>::sink(gst_pad_new("out", GST_PAD_SINK)));
        GstPad* pad = outputs.back().get();
        gst_pad_set_element_private(pad, this);
        gst_pad_set_chain_function(pad, take);
        gst_pad_set_active(pad, TRUE);
        ASSERT_EQ(gst_pad_link(from.get(), pad), GST_PAD_LINK_OK);
    }
    static GstFlowReturn take(GstPad* pad, GstObject*, GstBuffer* buffer) noexcept {
        auto* self = static_cast<FeedTest*>(gst_pad_get_element_private(pad));
        std::unique_lock lock(self->mutex);
        self->changed.wait(lock, [self] { return self->open; });
        self->times[pad].push_back(GST_BUFFER_PTS(buffer));
        self->changed.notify_all();
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    void let_through() {
        std::lock_guard lock(mutex);
        open = true;
        changed.notify_all();
    }
    GstFlowReturn push(unsigned number, bool begins) { return push(in, number, begins); }
    static GstFlowReturn push(const gst::Ref<GstPad>& pad, unsigned number, bool begins) {
        const Rtp packet{.sequence = static_cast<uint16_t>(number),
                         .timestamp = number * 3000,
                         .payload = Packet(1100, 0x55)};
        const auto bytes = packet.write();
        GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_PTS(buffer) = number * GST_SECOND / 30;
        if (!begins)
            GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        return gst_pad_chain(pad.get(), buffer);
    }
    template <typename Predicate>
    testing::AssertionResult wait_for(const char* what, Predicate done) {
        std::unique_lock lock(mutex);
        if (changed.wait_for(lock, std::chrono::seconds(10), done))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << what << " never came";
    }
    testing::AssertionResult end() {
        elements::feed_end(feed.get());
        return wait_for("the feed's end", [this] { return ended; });
    }

    gst::Ref<GstElement> feed;
    gst::Ref<GstPad> in;
    std::vector<gst::Ref<GstPad>> outputs;

    std::mutex mutex;  // all below
    std::condition_variable changed;
    bool open = false;
    bool ended = false;
    std::vector<unsigned> began;
    std::map<GstPad*, std::vector<GstClockTime>> times;
};

TEST_F(FeedTest, AFullQueueDropsAndCountsAndNeverPushesBack) {
    add_output(1);
    elements::feed_switch(feed.get(), 1);
    constexpr unsigned kPackets = 20'000;
    for (unsigned i = 0; i < kPackets; i++) ASSERT_EQ(push(i, i == 0), GST_FLOW_OK);
    EXPECT_GT(elements::feed_counters(feed.get()).dropped, kPackets / 2);
    let_through();
    ASSERT_TRUE(end());
    const auto counters = elements::feed_counters(feed.get());
    EXPECT_EQ(counters.packets + counters.dropped, kPackets);
    EXPECT_EQ(times[outputs[0].get()].size(), counters.packets);
}

TEST_F(FeedTest, AnOutputBeginsAtAKeyFrameAndTheOneBeforeEndsThere) {
    let_through();
    add_output(1);
    add_output(2);
    auto &first = times[outputs[0].get()], &second = times[outputs[1].get()];
    elements::feed_switch(feed.get(), 1);
    for (unsigned i = 0; i < 5; i++) push(i, i == 2);
    push(5, true);  // Nobody has asked for it: it is of the first.
    ASSERT_TRUE(wait_for("the sixth packet", [&] { return first.size() == 4; }));
    elements::feed_switch(feed.get(), 2);
    for (unsigned i = 6; i < 9; i++) push(i, i == 7);
    ASSERT_TRUE(end());
    EXPECT_EQ(first.size(), 5u);
    EXPECT_EQ(first.front(), 0u) << "times count from the key frame";
    EXPECT_EQ(second, (std::vector<GstClockTime>{0, 8 * GST_SECOND / 30 - 7 * GST_SECOND / 30}));
}

TEST_F(FeedTest, WhatBeginsTooLateForItsOutputIsForTheNext) {
    let_through();
    const auto sound = add_lane(false);
    for (const unsigned output : {1, 2})
        for (const unsigned lane : {0, 1}) add_output(output, lane);
    auto &first = times[outputs[1].get()], &second = times[outputs[3].get()];
    // A microphone that comes 1.5 s after the camera, while both wait for their output.
    for (unsigned i = 0; i < 60; i++) push(i, i == 0);
    for (unsigned i = 45; i < 60; i++) push(sound, i, true);
    ASSERT_TRUE(wait_for("both", [this] { return began.size() == 2; }));
    elements::feed_switch(feed.get(), 1);
    push(60, false);
    ASSERT_TRUE(wait_for("the sound again", [this] { return began == std::vector<unsigned>{0, 1, 1}; }));
    elements::feed_switch(feed.get(), 2);
    push(61, true);
    ASSERT_TRUE(end());
    EXPECT_EQ(first.size(), 0u);
    EXPECT_EQ(second.size(), 15u) << "nothing that was kept is lost";
}

}  // namespace
}  // namespace sluice::test
