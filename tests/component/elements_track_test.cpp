#include "element_fixture.h"
#include "elements/track.h"

namespace sluice::test {
namespace {

using Sequences = std::vector<int>;

const Packet kKey{0x10, 0x00, 1, 2, 3};    ///< VP8: the first packet of a key frame.
const Packet kDelta{0x10, 0x01, 1, 2, 3};  ///< Of another frame.
const Packet kRest{0x00, 9, 9};            ///< What follows the first packet of a frame.

struct TrackElement : ElementFixture {
    void make_track(const std::string& codec) {
        ElementFixture::make(
            "sluicetrack ssrc=0x01020304 payload=100 "
            "caps=application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=100 codec=" +
            codec);
        set("open", true);
    }
    /// So many sound packets, 960 apart, from that sequence number on.
    void push_sound(uint16_t first, int count) {
        for (int i = 0; i < count; i++)
            push(Rtp{.sequence = uint16_t(first + i), .timestamp = uint32_t((first + i) * 960)});
    }
};

TEST_F(TrackElement, EveryPacketGetsOurIdentity) {
    make_track("VP8");
    const Rtp in{
        .sequence = 7, .timestamp = 90'000, .payload = kKey, .payload_type = 120, .ssrc = 9, .marker = true};
    EXPECT_EQ(push(in), GST_FLOW_OK);
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].ssrc, 0x01020304U);
    EXPECT_EQ(out[0].payload_type, 100);
    EXPECT_TRUE(out[0].marker);
    EXPECT_EQ(out[0].sequence, 7);
    EXPECT_EQ(out[0].timestamp, 90'000U);
    EXPECT_EQ(out[0].payload, kKey);
    EXPECT_EQ(counter("packets"), 1U);
    EXPECT_EQ(counter("bytes"), in.write().size());
    EXPECT_EQ(counter("key-frames"), 1U);
}

TEST_F(TrackElement, TellsDownstreamItsOwnCapsWhateverComes) {
    make_track("VP8");
    push(Rtp{.payload = kKey});
    gst_harness_set_src_caps_str(harness_, "application/x-rtp, payload=5");
    push(Rtp{.sequence = 1, .payload = kDelta});
    const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_current_caps(harness_->sinkpad));
    ASSERT_TRUE(caps);
    int payload = 0;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "payload", &payload);
    EXPECT_EQ(payload, 100);
}

TEST(TrackBehindATee, TellsEveryBranchBeforeTheFirstPacket) {
    const auto bin = gst::Ref<GstElement>::sink(
        gst_parse_launch("sluicetrack caps=application/x-rtp,payload=100 ! tee name=tee", nullptr));
    const auto tee = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin.get()), "tee"));
    gst_element_set_state(bin.get(), GST_STATE_PLAYING);
    const auto branch = gst::Ref<GstPad>::adopt(gst_element_request_pad_simple(tee.get(), "src_%u"));
    for (const auto type : {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT})
        EXPECT_TRUE(gst::Ref<GstEvent>::adopt(gst_pad_get_sticky_event(branch.get(), type, 0)))
            << gst_event_type_get_name(type);
    gst_element_set_state(bin.get(), GST_STATE_NULL);
}

TEST_F(TrackElement, ItsSourceMayEndAndFlush) {
    make_track("opus");
    push_sound(1, 1);
    gst_harness_push_event(harness_, gst_event_new_eos());
    while (GstEvent* event = gst_harness_try_pull_event(harness_)) {
        EXPECT_NE(GST_EVENT_TYPE(event), GST_EVENT_EOS);
        gst_event_unref(event);
    }
    EXPECT_EQ(sequences(), Sequences{1});
}

TEST_F(TrackElement, MarksWhereADecoderCannotBegin) {
    make_track("VP8");
    push(Rtp{.sequence = 1, .payload = kKey});
    push(Rtp{.sequence = 2, .payload = kRest});
    push(Rtp{.sequence = 3, .timestamp = 3000, .payload = kDelta});
    EXPECT_FALSE(pull_bytes()->delta);
    EXPECT_TRUE(pull_bytes()->delta);
    EXPECT_TRUE(pull_bytes()->delta);
}

TEST_F(TrackElement, VideoBeginsWithAKeyFrame) {
    make_track("VP8");
    push(Rtp{.sequence = 10, .payload = kDelta});
    push(Rtp{.sequence = 11, .payload = kRest});
    push(Rtp{.sequence = 12, .payload = kKey});
    push(Rtp{.sequence = 13, .payload = kRest});
    EXPECT_EQ(sequences(), (Sequences{12, 13}));
    EXPECT_EQ(counter("dropped"), 2U);
}

TEST_F(TrackElement, ClosedNothingPasses) {
    make_track("opus");
    set("open", false);
    push_sound(1, 3);
    EXPECT_EQ(sequences(), Sequences{});
    EXPECT_EQ(counter("dropped"), 3U);
    set("open", true);
    push_sound(4, 1);
    EXPECT_EQ(sequences(), Sequences{4});
}

TEST_F(TrackElement, AMuteLeavesNoGap) {
    make_track("opus");
    push_sound(100, 2);
    set("muted", true);
    push_sound(102, 50);
    set("muted", false);
    push_sound(152, 2);
    EXPECT_EQ(sequences(), (Sequences{100, 101, 102, 103}));
    set("muted", true);
    push_sound(154, 1);
    set("muted", false);
    push_sound(155, 1);
    EXPECT_EQ(sequences(), Sequences{104});
}

TEST_F(TrackElement, AMuteKeepsTheTimestamps) {
    make_track("opus");
    push_sound(100, 1);
    set("muted", true);
    push_sound(101, 9);
    set("muted", false);
    push_sound(110, 1);
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 2U);
    EXPECT_EQ(out[1].timestamp - out[0].timestamp, 10U * 960);
}

TEST_F(TrackElement, AnUnmutedVideoBeginsWithAKeyFrame) {
    make_track("VP8");
    push(Rtp{.sequence = 1, .payload = kKey});
    set("muted", true);
    push(Rtp{.sequence = 2, .payload = kDelta});
    set("muted", false);
    push(Rtp{.sequence = 3, .payload = kDelta});
    push(Rtp{.sequence = 4, .payload = kKey});
    EXPECT_EQ(sequences(), (Sequences{1, 2}));
}

TEST_F(TrackElement, SequenceNumbersGoOnOverTheirWrap) {
    make_track("opus");
    for (const int each : {1, 30000, 60000, 65534}) push_sound(each, 1);
    set("muted", true);
    push_sound(65535, 5);
    set("muted", false);
    push_sound(4, 3);
    EXPECT_EQ(sequences(), (Sequences{1, 30000, 60000, 65534, 65535, 0, 1}));
}

TEST_F(TrackElement, SequenceNumbersBeginFarFromTheirWrap) {
    make_track("opus");
    push_sound(65534, 4);
    EXPECT_EQ(sequences(), (Sequences{32766, 32767, 32768, 32769}))
        << "a receiver that misses the first counts as we do";
}

TEST_F(TrackElement, ARealLossStaysALoss) {
    make_track("opus");
    push_sound(10, 1);
    push_sound(13, 1);
    set("muted", true);
    push_sound(14, 1);
    set("muted", false);
    push_sound(15, 1);
    push_sound(18, 1);
    EXPECT_EQ(sequences(), (Sequences{10, 13, 14, 17}));
}

TEST_F(TrackElement, AnotherEncoderGoesOnWhereTheLastOneEnded) {
    make_track("opus");
    push_sound(500, 2);
    elements::restart_track(element_.get());
    push(Rtp{.sequence = 40'000, .timestamp = 3'000'000'000});
    push(Rtp{.sequence = 40'001, .timestamp = 3'000'000'960});
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 4U);
    EXPECT_EQ(out[2].sequence, 502);
    EXPECT_EQ(out[3].sequence, 503);
    const uint32_t step = out[2].timestamp - out[1].timestamp;
    EXPECT_GE(step, 1U);
    EXPECT_LT(step, 90'000U * 10) << "as much as time has passed";
    EXPECT_EQ(out[3].timestamp - out[2].timestamp, 960U);
}

TEST_F(TrackElement, AnotherEncoderOfVideoBeginsWithAKeyFrame) {
    make_track("VP8");
    push(Rtp{.sequence = 1, .payload = kKey});
    elements::restart_track(element_.get());
    push(Rtp{.sequence = 9000, .timestamp = 77, .payload = kDelta});
    push(Rtp{.sequence = 9001, .timestamp = 99, .payload = kKey});
    EXPECT_EQ(sequences(), (Sequences{1, 2}));
}

TEST_F(TrackElement, AnotherSsrcIsAnotherEncoder) {
    make_track("VP8");
    push(Rtp{.sequence = 500, .timestamp = 9000, .payload = kKey, .ssrc = 1});
    push(Rtp{.sequence = 400, .timestamp = 77, .payload = kDelta, .ssrc = 2});
    push(Rtp{.sequence = 401, .timestamp = 99, .payload = kKey, .ssrc = 2});
    push(Rtp{.sequence = 402, .timestamp = 99, .payload = kRest, .ssrc = 2});
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 3U);
    EXPECT_EQ(out[1].sequence, 501);
    EXPECT_EQ(out[2].sequence, 502);
    EXPECT_LT(out[1].timestamp - out[0].timestamp, 90'000U * 10) << "as much as time has passed";
    EXPECT_EQ(out[2].timestamp, out[1].timestamp);
}

TEST_F(TrackElement, ALatePacketOfTheLastConnectionLeavesTheRestartToTheNext) {
    make_track("opus");
    push(Rtp{.sequence = 500, .timestamp = 9000});
    set("open", false);
    elements::restart_track(element_.get());
    push(Rtp{.sequence = 501, .timestamp = 9960});
    set("open", true);
    push(Rtp{.sequence = 40'000, .timestamp = 3'000'000'000});
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 2U);
    EXPECT_EQ(out[1].sequence, 501);
    EXPECT_LT(out[1].timestamp - out[0].timestamp, 90'000U * 10) << "as much as time has passed";
}

TEST_F(TrackElement, PacketsWithoutPayloadAreLeftOut) {
    make_track("opus");
    push_sound(1, 2);
    push(Rtp{.sequence = 3, .timestamp = 1, .payload = {}, .padding = 200});
    push(Rtp{.sequence = 4, .timestamp = 1, .payload = {}});
    push_sound(5, 2);
    EXPECT_EQ(sequences(), (Sequences{1, 2, 3, 4}));
    EXPECT_EQ(counter("dropped"), 2U);
}

TEST_F(TrackElement, PaddingGoesNoFurther) {
    make_track("opus");
    set("extensions", "4:1");
    push(Rtp{.sequence = 1, .extension = {0x40, 0x55}, .padding = 200});
    const auto out = pull_bytes();
    ASSERT_TRUE(out);
    EXPECT_EQ(out->bytes[0] & 0x20, 0);
    EXPECT_EQ(out->bytes.size(), (Rtp{.extension = {0x40, 0x55}}.write().size()));
    EXPECT_EQ(out->bytes.back(), 0xff) << "the payload's end";
    EXPECT_EQ(counter("bytes"), out->bytes.size());
}

TEST_F(TrackElement, APacketFromBeforeAGapIsTooLate) {
    make_track("opus");
    push_sound(100, 1);
    set("muted", true);
    push_sound(102, 8);
    set("muted", false);
    push_sound(110, 1);
    push_sound(109, 1);  // of the mute
    push_sound(101, 1);  // from before
    push_sound(111, 1);
    EXPECT_EQ(sequences(), (Sequences{100, 101, 102}));
}

TEST_F(TrackElement, APacketOutOfOrderKeepsItsPlace) {
    make_track("opus");
    push_sound(100, 1);
    set("muted", true);
    push_sound(101, 9);
    set("muted", false);
    push_sound(110, 1);
    push_sound(112, 1);
    push_sound(111, 1);
    EXPECT_EQ(sequences(), (Sequences{100, 101, 103, 102}));
    set("muted", true);
    push_sound(113, 1);
    set("muted", false);
    push_sound(114, 1);
    EXPECT_EQ(sequences(), Sequences{104}) << "behind the highest that went out, not the last";
}

TEST_F(TrackElement, WhatIsNotRtpGoesNowhere) {
    make_track("opus");
    for (const Packet& packet :
         {Packet{0x00}, Packet(11, 0x80), Packet{0x00, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7},
          Packet{0x8f, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7},
          Packet{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7},
          Packet{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff, 0},
          Packet{0xa0, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7}})
        EXPECT_EQ(push(packet), GST_FLOW_OK);
    EXPECT_EQ(sequences(), Sequences{});
    EXPECT_EQ(counter("dropped"), 7U);
}

TEST_F(TrackElement, RenamesHeaderExtensionsOfOneByte) {
    make_track("opus");
    set("extensions", "4:1,13:7");
    push(Rtp{.sequence = 1, .extension = {0x40, 0x55, 0x31, 0xaa, 0xbb, 0x00, 0xd2, 1, 2, 3}});
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].extension, (Packet{0x10, 0x55, 0x00, 0x00, 0x00, 0x00, 0x72, 1, 2, 3, 0x00, 0x00}))
        << "id 3 has no name of ours and has become padding";
    EXPECT_EQ(out[0].payload, Packet{0xff});
}

TEST_F(TrackElement, RenamesHeaderExtensionsOfTwoBytes) {
    make_track("opus");
    set("extensions", "20:2,4:4");
    push(Rtp{.sequence = 1, .profile = 0x1000, .extension = {20, 1, 0x77, 9, 0, 4, 0, 0}});
    const auto out = pull_all();
    ASSERT_EQ(out.size(), 1U);
    EXPECT_EQ(out[0].extension, (Packet{2, 1, 0x77, 0, 0, 4, 0, 0}));
}

TEST_F(TrackElement, HeaderExtensionsBeyondTheirEndAreErased) {
    make_track("opus");
    set("extensions", "4:1");
    push(Rtp{.sequence = 1, .extension = {0x4f, 0x55, 0x66, 0x77}});
    push(Rtp{.sequence = 2, .extension = {0xf0, 0x40, 0x66, 0x77}});
    push(Rtp{.sequence = 3, .profile = 0x1000, .extension = {4, 9, 1, 2}});
    push(Rtp{.sequence = 4, .profile = 0x4242, .extension = {0x40, 9, 1, 2}});
    for (const auto& out : pull_all()) EXPECT_EQ(out.extension, Packet(4, 0)) << out.sequence;
    EXPECT_EQ(counter("packets"), 4U);
}

TEST_F(TrackElement, WithoutAnExtensionMapNoneIsLeft) {
    make_track("opus");
    push(Rtp{.sequence = 1, .extension = {0x40, 0x55, 0x00, 0x00}});
    EXPECT_EQ(pull_all().at(0).extension, Packet(4, 0));
}

TEST_F(TrackElement, WhatIsBehindCannotStopIt) {
    make_track("opus");
    gst_pad_unlink(gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "src")).get(),
                   harness_->sinkpad);
    EXPECT_EQ(push(Rtp{.sequence = 1}), GST_FLOW_OK);
}

}  // namespace
}  // namespace sluice::test
