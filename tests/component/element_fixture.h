#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gst/check/gstharness.h>

#include "gst/ref.h"
#include "peer/bytes.h"

namespace sluice::test {

using peer::Packet;
using peer::Writer;

/// An RTP packet as it is put in and as it came out.
struct Rtp {
    uint16_t sequence = 0;
    uint32_t timestamp = 0;
    Packet payload{0xff};
    uint8_t payload_type = 96;
    uint32_t ssrc = 0x5e5e5e5e;
    bool marker = false;
    uint16_t profile = 0xbede;
    Packet extension{};  ///< Padded to whole words; empty: none.
    uint8_t padding = 0;

    Packet write() const {
        Writer out;
        out.u8(0x80U | (extension.empty() ? 0U : 0x10U) | (padding ? 0x20U : 0U));
        out.u8((marker ? 0x80U : 0U) | payload_type).u16(sequence).u32(timestamp).u32(ssrc);
        if (!extension.empty())
            out.u16(profile).u16(unsigned(extension.size() + 3) / 4).bytes(extension).pad(4);
        out.bytes(payload);
        for (unsigned i = 0; i < padding; i++) out.u8(padding);
        return out.take();
    }
    /// Of a packet without CSRCs and padding.
    static Rtp read(const Packet& p) {
        Rtp rtp{.sequence = uint16_t(peer::get16(&p[2])),
                .timestamp = peer::get32(&p[4]),
                .payload = {},
                .payload_type = uint8_t(p[1] & 0x7f),
                .ssrc = peer::get32(&p[8]),
                .marker = (p[1] & 0x80) != 0};
        size_t at = 12;
        if (p[0] & 0x10) {
            rtp.profile = uint16_t(peer::get16(&p[at]));
            const size_t size = 4 * size_t(peer::get16(&p[at + 2]));
            rtp.extension.assign(p.begin() + long(at) + 4, p.begin() + long(at + 4 + size));
            at += 4 + size;
        }
        rtp.payload.assign(p.begin() + long(at), p.end());
        return rtp;
    }
};

/// An element between two pads of the test's.
struct ElementFixture : testing::Test {
    /// `launch` is one element's.
    void make(const std::string& launch) {
        element_ = gst::Ref<GstElement>::sink(gst_parse_launch(launch.c_str(), nullptr));
        ASSERT_TRUE(element_);
        harness_ = gst_harness_new_with_element(element_.get(), "sink", "src");
        gst_harness_set_src_caps_str(harness_, "application/x-rtp");
        gst_harness_play(harness_);
    }
    void TearDown() override {
        if (harness_)
            gst_harness_teardown(harness_);
    }

    GstFlowReturn push(const Rtp& packet) { return push(packet.write()); }
    GstFlowReturn push(const Packet& bytes, GstBufferFlags flags = {}) {
        GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_FLAG_SET(buffer, flags);
        return gst_harness_push(harness_, buffer);
    }

    struct Out {
        Packet bytes;
        bool delta = false;
    };
    /// What has come out since the last call.
    std::optional<Out> pull_bytes() {
        GstBuffer* buffer = gst_harness_try_pull(harness_);
        if (!buffer)
            return std::nullopt;
        Out out{Packet(gst_buffer_get_size(buffer)),
                bool(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))};
        gst_buffer_extract(buffer, 0, out.bytes.data(), out.bytes.size());
        gst_buffer_unref(buffer);
        return out;
    }
    std::vector<Rtp> pull_all() {
        std::vector<Rtp> all;
        while (const auto out = pull_bytes()) all.push_back(Rtp::read(out->bytes));
        return all;
    }
    /// The sequence numbers of what has come out since the last call.
    std::vector<int> sequences() {
        std::vector<int> all;
        for (const auto& rtp : pull_all()) all.push_back(rtp.sequence);
        return all;
    }

    guint64 counter(const char* property) const {
        guint64 value = 0;
        g_object_get(element_.get(), property, &value, nullptr);
        return value;
    }
    void set(const char* property, bool value) { g_object_set(element_.get(), property, value, nullptr); }
    void set(const char* property, const char* value) {
        g_object_set(element_.get(), property, value, nullptr);
    }

    /// A consumer asks for a key frame.
    void ask() {
        gst_pad_push_event(
            harness_->sinkpad,
            gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("GstForceKeyUnit")));
    }
    /// Waits for the next request for a key frame to come out at the other end.
    testing::AssertionResult asks() {
        while (GstEvent* event = gst_harness_pull_upstream_event(harness_)) {
            const bool request = gst_event_has_name(event, "GstForceKeyUnit");
            gst_event_unref(event);
            if (request)
                return testing::AssertionSuccess();
        }
        return testing::AssertionFailure() << "a request for a key frame never came";
    }
    /// The names of what has come out upstream since the last call, RECONFIGURE aside (linking pads makes
    /// it).
    std::vector<std::string> upstream_events() {
        std::vector<std::string> names;
        while (GstEvent* event = gst_harness_try_pull_upstream_event(harness_)) {
            const GstStructure* structure = gst_event_get_structure(event);
            if (GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM)
                names.emplace_back(gst_structure_get_name(structure));
            else if (GST_EVENT_TYPE(event) != GST_EVENT_RECONFIGURE &&
                     GST_EVENT_TYPE(event) != GST_EVENT_LATENCY)
                names.emplace_back(GST_EVENT_TYPE_NAME(event));
            gst_event_unref(event);
        }
        return names;
    }

    gst::Ref<GstElement> element_;
    GstHarness* harness_ = nullptr;
};

/// The same on a clock that stands still until it is turned.
struct TimedElement : ElementFixture {
    void make(const std::string& launch) {
        ElementFixture::make(launch);
        clock_ = gst::Ref<GstTestClock>::adopt(gst_harness_get_testclock(harness_));
    }
    /// Turns the clock on, and runs the timers that are due by then, to the end of what they hand to another
    /// thread.
    void advance(GstClockTime by) {
        gst_test_clock_advance_time(clock_.get(), by);
        GstClockID due = nullptr;
        while (gst_test_clock_peek_next_pending_id(clock_.get(), &due) &&
               gst_clock_id_get_time(due) <= now()) {
            gst_clock_id_unref(std::exchange(due, nullptr));
            const auto timer = gst_test_clock_process_next_clock_id(clock_.get());
            wait_for_work_of(timer);
            gst_clock_id_unref(timer);
        }
        if (due)
            gst_clock_id_unref(due);
    }
    GstClockTime now() const { return gst_clock_get_time(GST_CLOCK(clock_.get())); }
    /// Who still has something to do for a timer keeps it.
    static void wait_for_work_of(GstClockID timer) {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (g_atomic_int_get(&GST_CLOCK_ENTRY(timer)->refcount) > 1) {
            ASSERT_LT(std::chrono::steady_clock::now(), limit) << "a timer's work has not ended";
            std::this_thread::yield();
        }
    }

    gst::Ref<GstTestClock> clock_;
};

}  // namespace sluice::test
