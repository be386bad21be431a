#include "element_fixture.h"

namespace sluice::test {
namespace {

using Names = std::vector<std::string>;

struct GateElement : ElementFixture {
    void SetUp() override { make("sluicegate"); }

    GstFlowReturn push_delta(uint16_t sequence) {
        return push(Rtp{.sequence = sequence}.write(), GST_BUFFER_FLAG_DELTA_UNIT);
    }
    /// What is behind answers that from now on.
    void answer(GstFlowReturn flow) {
        answer_ = flow;
        if (probe_)
            return;
        probe_ = gst_pad_add_probe(
            harness_->sinkpad, GST_PAD_PROBE_TYPE_BUFFER,
            [](GstPad*, GstPadProbeInfo* info, gpointer self) -> GstPadProbeReturn {
                gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
                GST_PAD_PROBE_INFO_DATA(info) = nullptr;
                GST_PAD_PROBE_INFO_FLOW_RETURN(info) = static_cast<GateElement*>(self)->answer_;
                return GST_PAD_PROBE_HANDLED;
            },
            this, nullptr);
    }
    std::string last_flow() const {
        char* text = nullptr;
        g_object_get(element_.get(), "last-flow", &text, nullptr);
        return gst::OwnedString(text).get();
    }
    GstFlowReturn answer_ = GST_FLOW_OK;
    gulong probe_ = 0;
};

TEST_F(GateElement, ClosedNothingPassesAndAllIsWell) {
    EXPECT_EQ(push(Rtp{.sequence = 1}), GST_FLOW_OK);
    EXPECT_EQ(sequences(), std::vector<int>{});
    EXPECT_EQ(counter("dropped"), 1U);
    EXPECT_EQ(counter("packets"), 0U);
}

TEST_F(GateElement, OpeningAsksForAKeyFrameAndWaitsForIt) {
    EXPECT_EQ(upstream_events(), Names{});
    set("open", true);
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"});
    push_delta(1);
    push_delta(2);
    push(Rtp{.sequence = 3});
    push_delta(4);
    EXPECT_EQ(sequences(), (std::vector<int>{3, 4}));
    EXPECT_EQ(counter("dropped"), 2U);
    EXPECT_EQ(counter("packets"), 2U);
    EXPECT_EQ(counter("bytes"), 2 * Rtp{}.write().size());
}

TEST_F(GateElement, OpenedAgainItBeginsAtAKeyFrameAgain) {
    set("open", true);
    push(Rtp{.sequence = 1});
    set("open", true);
    push_delta(2);
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"}) << "it was open";
    set("open", false);
    push(Rtp{.sequence = 3});
    set("open", true);
    push_delta(4);
    push(Rtp{.sequence = 5});
    EXPECT_EQ(sequences(), (std::vector<int>{1, 2, 5}));
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"});
}

TEST_F(GateElement, WhateverIsBehindItAnswersOk) {
    set("open", true);
    for (const auto flow : {GST_FLOW_FLUSHING, GST_FLOW_ERROR, GST_FLOW_EOS, GST_FLOW_NOT_LINKED,
                            GST_FLOW_NOT_NEGOTIATED, GST_FLOW_CUSTOM_ERROR}) {
        answer(flow);
        EXPECT_EQ(push(Rtp{}), GST_FLOW_OK) << gst_flow_get_name(flow);
        EXPECT_EQ(last_flow(), gst_flow_get_name(flow));
    }
    answer(GST_FLOW_OK);
    EXPECT_EQ(push(Rtp{}), GST_FLOW_OK);
    EXPECT_EQ(last_flow(), "ok");
}

TEST_F(GateElement, WithNothingBehindItAnswersOk) {
    set("open", true);
    gst_pad_unlink(gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "src")).get(),
                   harness_->sinkpad);
    EXPECT_EQ(push(Rtp{}), GST_FLOW_OK);
    EXPECT_EQ(last_flow(), "not-linked");
}

TEST_F(GateElement, FlushingBehindItAnswersOk) {
    set("open", true);
    gst_pad_set_active(harness_->sinkpad, FALSE);
    EXPECT_EQ(push(Rtp{}), GST_FLOW_OK);
    EXPECT_EQ(last_flow(), "flushing");
}

TEST_F(GateElement, OnlyRequestsForKeyFramesGoUpstream) {
    ask();
    for (GstEvent* event :
         {gst_event_new_reconfigure(), gst_event_new_flush_start(), gst_event_new_flush_stop(TRUE),
          gst_event_new_latency(GST_SECOND), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, 0, 0),
          gst_event_new_navigation(gst_structure_new_empty("application/x-gst-navigation")),
          gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                             GST_SEEK_TYPE_NONE, 0),
          gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                               gst_structure_new_empty("GstRTPRetransmissionRequest"))})
        gst_pad_push_event(harness_->sinkpad, event);
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"});
}

TEST_F(GateElement, OfEventsOnlyWhatAStreamNeedsGoesDownstream) {
    gst_harness_push_event(harness_, gst_event_new_eos());
    gst_harness_push_event(harness_, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                                          gst_structure_new_empty("GstRTPPacketLost")));
    Names names;
    while (GstEvent* event = gst_harness_try_pull_event(harness_)) {
        names.emplace_back(GST_EVENT_TYPE_NAME(event));
        gst_event_unref(event);
    }
    EXPECT_EQ(names, (Names{"stream-start", "caps", "segment"}));
}

}  // namespace
}  // namespace sluice::test
