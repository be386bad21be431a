#include "elements/reorder.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include <gst/rtp/rtp.h>

#include "elements/arrival_time.h"
#include "elements/pads.h"
#include "elements/properties.h"
#include "elements/reorder_buffer.h"
#include "elements/rtp_packet.h"

GST_DEBUG_CATEGORY_STATIC(sluice_reorder_debug);
#define GST_CAT_DEFAULT sluice_reorder_debug

namespace sluice::elements {
namespace {

enum Property { kLatency = 1, kDoRetransmission, kCaptureTimes, kPackets, kLate, kLost, kRequests };

/// When a packet was captured, as a sender report told last (RFC 3550 section 6.4.1).
struct SenderTime {
    GstClockTime ntp;
    uint32_t rtp;
};

struct ReorderState {
    std::atomic<guint> latency_ms{200};
    std::atomic<bool> capture_times{false};

    // Under the sink pad's stream lock, which a thread of GStreamer's pool takes when it is time.
    ReorderBuffer buffer;
    ArrivalTime arrival_time;
    GstClockID timer = nullptr;
    GstClockTime due = 0;  ///< The timer.
    int payload_type = -1;
    uint32_t clock_rate = 0;

    std::mutex mutex;
    std::optional<SenderTime> sender_time;
    uint32_t last_rtp = 0;

    std::atomic<guint64> packets{0}, late{0}, lost{0}, requests{0};
};

}  // namespace

struct Reorder {
    GstElement element;
    GstPad* sink;
    GstPad* src;
    ReorderState* state;
};
struct ReorderClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(Reorder, reorder, GST_TYPE_ELEMENT)

namespace {

guint request_pt_map_signal = 0;

GstStaticPadTemplate rtcp_template = GST_STATIC_PAD_TEMPLATE("sink_rtcp", GST_PAD_SINK, GST_PAD_REQUEST,
                                                             GST_STATIC_CAPS("application/x-rtcp"));
GstStaticCaps ntp_caps = GST_STATIC_CAPS("timestamp/x-ntp");

Reorder* as_reorder(gpointer object) {
    return static_cast<Reorder*>(object);
}

gst::Ref<GstClock> clock_of(Reorder* self) {
    GstClock* clock = gst_element_get_clock(&self->element);
    return gst::Ref<GstClock>::adopt(clock ? clock : gst_system_clock_obtain());
}

/// Its clock rate, and whether the peer sends again what is asked for. webrtcbin (1.22 to 1.28) would say the
/// latter by `do-retransmission`, but its jitter_buffer_set_retransmission() gives every stream what belongs
/// to the last section of the offer.
void learn_payload_type(Reorder* self, int payload_type) {
    auto& state = *self->state;
    if (std::exchange(state.payload_type, payload_type) == payload_type)
        return;
    gst::Ref<GstCaps> caps;
    g_signal_emit(self, request_pt_map_signal, 0, static_cast<guint>(payload_type), caps.out());
    int rate = 0;
    bool resends = false;
    if (caps && gst_caps_get_size(caps.get()) > 0) {
        const auto* fields = gst_caps_get_structure(caps.get(), 0);
        gst_structure_get_int(fields, "clock-rate", &rate);
        resends = gst_structure_has_field(fields, "rtcp-fb-nack");
    }
    state.buffer.set_resends(resends);
    state.clock_rate = static_cast<uint32_t>(std::max(rate, 0));
    state.arrival_time.set_clock_rate(state.clock_rate);
}

/// What the sender's clock said when the packet was captured, if a report has told it.
std::optional<GstClockTime> capture_time(ReorderState& state, uint32_t rtp) {
    std::lock_guard lock(state.mutex);
    state.last_rtp = rtp;
    if (!state.sender_time || state.clock_rate == 0)
        return std::nullopt;
    const int64_t ticks = static_cast<int32_t>(rtp - state.sender_time->rtp);
    return state.sender_time->ntp + ticks * static_cast<int64_t>(GST_SECOND) / state.clock_rate;
}

GstBuffer* stamp(ReorderState& state, GstBuffer* buffer, uint32_t rtp) {
    buffer = gst_buffer_make_writable(buffer);
    const GstClockTime arrival = GST_BUFFER_DTS_OR_PTS(buffer);
    if (GST_CLOCK_TIME_IS_VALID(arrival))
        GST_BUFFER_PTS(buffer) = state.arrival_time(rtp, arrival);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    const auto captured = capture_time(state, rtp);
    if (captured && state.capture_times)
        gst_buffer_add_reference_timestamp_meta(buffer, gst_static_caps_get(&ntp_caps), *captured,
                                                GST_CLOCK_TIME_NONE);
    return buffer;
}

GstFlowReturn push(Reorder* self, GstBuffer* buffer) {
    self->state->packets.fetch_add(1, std::memory_order_relaxed);
    return gst_pad_push(self->src, buffer);
}

void ask_again(Reorder* self, GstClockTime now) {
    auto& state = *self->state;
    state.buffer.ask(now, [&](const ReorderBuffer::Request& request) {
        state.requests.fetch_add(1, std::memory_order_relaxed);
        // rtpsession reads these; the NACK may wait until the packet would come too late.
        GstStructure* fields =
            gst_structure_new("GstRTPRetransmissionRequest", "seqnum", G_TYPE_UINT, guint{request.sequence},
                              "delay", G_TYPE_UINT, static_cast<guint>(GST_TIME_AS_MSECONDS(request.age)),
                              "deadline", G_TYPE_UINT, state.latency_ms.load(), "avg-rtt", G_TYPE_UINT,
                              static_cast<guint>(GST_TIME_AS_MSECONDS(state.buffer.round_trip())), nullptr);
        gst_pad_push_event(self->sink, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, fields));
    });
}

void stop_timer(ReorderState& state) {
    if (!state.timer)
        return;
    gst_clock_id_unschedule(state.timer);
    gst_clock_id_unref(state.timer);
    state.timer = nullptr;
}

gboolean on_timer(GstClock* clock, GstClockTime time, GstClockID id, gpointer data) noexcept;

/// What may go out goes out, what is missing is asked for. Only while a packet is missing.
GstFlowReturn go_on(Reorder* self, GstClock* clock, GstClockTime now) {
    auto& state = *self->state;
    GstFlowReturn flow = GST_FLOW_OK;
    while (auto packet = state.buffer.next(now)) flow = push(self, packet.release());
    ask_again(self, now);
    state.lost.store(state.buffer.lost(), std::memory_order_relaxed);
    // One that is due earlier may stay: the clock's list keeps those that are unscheduled, and its thread
    // wakes up for each.
    const GstClockTime wake_up = state.buffer.wake_up();
    if (!GST_CLOCK_TIME_IS_VALID(wake_up)) {
        stop_timer(state);
    } else if (!state.timer || wake_up < state.due) {
        stop_timer(state);
        state.due = wake_up;
        state.timer = gst_clock_new_single_shot_id(clock, wake_up);
        gst_clock_id_wait_async(state.timer, on_timer, gst_object_ref(self), gst_object_unref);
    }
    return flow;
}

void on_time(GstElement* element, gpointer id) noexcept {
    auto* self = as_reorder(element);
    const auto clock = clock_of(self);
    GST_PAD_STREAM_LOCK(self->sink);
    if (self->state->timer == id) {
        stop_timer(*self->state);
        go_on(self, clock.get(), gst_clock_get_time(clock.get()));
    }
    GST_PAD_STREAM_UNLOCK(self->sink);
}

/// The clock's thread serves the whole process (DTLS's time-outs too), and what goes on now may go to many
/// consumers.
gboolean on_timer(GstClock*, GstClockTime, GstClockID id, gpointer self) noexcept {
    gst_element_call_async(static_cast<GstElement*>(self), on_time, gst_clock_id_ref(id), gst_clock_id_unref);
    return TRUE;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    auto* self = as_reorder(parent);
    auto& state = *self->state;
    GstMapInfo map;
    RtpPacket packet;
    uint16_t sequence = 0;
    uint32_t rtp = 0;
    bool parsed = false;
    if (gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        parsed = packet.parse(map.data, map.size);
        if (parsed) {
            learn_payload_type(self, packet.payload_type());
            sequence = packet.sequence();
            rtp = packet.timestamp();
        }
        gst_buffer_unmap(buffer, &map);
    }
    if (!parsed) {
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    state.buffer.set_latency(state.latency_ms * GST_MSECOND);
    buffer = stamp(state, buffer, rtp);
    const bool resent = GST_BUFFER_FLAG_IS_SET(buffer, GST_RTP_BUFFER_FLAG_RETRANSMISSION);
    const auto clock = clock_of(self);
    const GstClockTime now = gst_clock_get_time(clock.get());
    switch (state.buffer.put(sequence, buffer, resent, now)) {
        case ReorderBuffer::Place::Next:
            return push(self, buffer);
        case ReorderBuffer::Place::Waits:
            return go_on(self, clock.get(), now);
        case ReorderBuffer::Place::Late:
            state.late.fetch_add(1, std::memory_order_relaxed);
            gst_buffer_unref(buffer);
    }
    return GST_FLOW_OK;
}

/// A report that is far from the stream's packets is not theirs (rtpjitterbuffer's max-rtcp-rtp-time-diff).
void learn_sender_time(ReorderState& state, guint64 ntp, uint32_t rtp) {
    std::lock_guard lock(state.mutex);
    const int64_t ticks = static_cast<int32_t>(rtp - state.last_rtp);
    if (std::abs(ticks) <= state.clock_rate)
        state.sender_time =
            SenderTime{gst_util_uint64_scale(ntp, GST_SECOND, G_GUINT64_CONSTANT(1) << 32), rtp};
}

GstFlowReturn chain_rtcp(GstPad*, GstObject* parent, GstBuffer* buffer) {
    auto* self = as_reorder(parent);
    GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
    GstRTCPPacket packet;
    if (gst_rtcp_buffer_map(buffer, GST_MAP_READ, &rtcp)) {
        if (gst_rtcp_buffer_get_first_packet(&rtcp, &packet) &&
            gst_rtcp_packet_get_type(&packet) == GST_RTCP_TYPE_SR) {
            guint64 ntp = 0;
            guint32 rtp = 0;
            gst_rtcp_packet_sr_get_sender_info(&packet, nullptr, &ntp, &rtp, nullptr, nullptr);
            learn_sender_time(*self->state, ntp, rtp);
        }
        gst_rtcp_buffer_unmap(&rtcp);
    }
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

GstPad* request_pad(GstElement* element, GstPadTemplate* made_by, const char*, const GstCaps*) {
    GstPad* pad = gst_pad_new_from_template(made_by, "sink_rtcp");
    gst_pad_set_chain_function(pad, chain_rtcp);
    gst_pad_set_event_function(pad, drop_event);
    gst_pad_set_active(pad, TRUE);
    if (gst_element_add_pad(element, pad))
        return pad;
    return nullptr;  // there is one, and gst_element_add_pad() has dropped this
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
    const auto result = GST_ELEMENT_CLASS(reorder_parent_class)->change_state(element, change);
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY) {
        auto* self = as_reorder(element);
        GST_PAD_STREAM_LOCK(self->sink);
        stop_timer(*self->state);
        self->state->buffer.reset();
        GST_PAD_STREAM_UNLOCK(self->sink);
    }
    return result;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    auto& state = *as_reorder(object)->state;
    switch (id) {
        case kLatency:
            state.latency_ms = g_value_get_uint(value);
            break;
        case kDoRetransmission:
            break;
        case kCaptureTimes:
            state.capture_times = g_value_get_boolean(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    const auto& state = *as_reorder(object)->state;
    switch (id) {
        case kLatency:
            return g_value_set_uint(value, state.latency_ms);
        case kDoRetransmission:
            return g_value_set_boolean(value, FALSE);
        case kCaptureTimes:
            return g_value_set_boolean(value, state.capture_times);
        case kPackets:
            return g_value_set_uint64(value, state.packets);
        case kLate:
            return g_value_set_uint64(value, state.late);
        case kLost:
            return g_value_set_uint64(value, state.lost);
        case kRequests:
            return g_value_set_uint64(value, state.requests);
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    delete as_reorder(object)->state;
    G_OBJECT_CLASS(reorder_parent_class)->finalize(object);
}

}  // namespace

static void reorder_class_init(ReorderClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_reorder_debug, "sluicereorder", 0, "the order of a producer's packets");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    element->change_state = change_state;
    element->request_new_pad = request_pad;
    gst_element_class_set_static_metadata(
        element, "Sluice reorder", "Filter/Network/RTP",
        "Gives out packets in order and without a wait, asks for those that are missing", "sluice");
    add_rtp_pad_template(element, GST_PAD_SINK);
    add_rtp_pad_template(element, GST_PAD_SRC);
    gst_element_class_add_static_pad_template(element, &rtcp_template);
    request_pt_map_signal = g_signal_new("request-pt-map", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0,
                                         nullptr, nullptr, nullptr, GST_TYPE_CAPS, 1, G_TYPE_UINT);
    const auto install = [object](guint id, GParamSpec* spec) {
        g_object_class_install_property(object, id, spec);
    };
    install(kLatency,
            g_param_spec_uint("latency", "Latency", "How long a missing packet is waited for, in ms", 0,
                              G_MAXUINT, 200, kReadWrite));
    install(kDoRetransmission,
            g_param_spec_boolean("do-retransmission", "Retransmission",
                                 "Without effect: the caps of the payload type say it (rtcp-fb-nack)", FALSE,
                                 kReadWrite));
    install(kCaptureTimes,
            g_param_spec_boolean("add-reference-timestamp-meta", "Capture times",
                                 "Packets get the sender's NTP time, once a report has told it", FALSE,
                                 kReadWrite));
    install_counter(object, kPackets, "packets", "Packets that went on");
    install_counter(object, kLate, "late", "Packets that came when those after them had gone, or twice");
    install_counter(object, kLost, "lost", "Packets that were waited for in vain");
    install_counter(object, kRequests, "requests", "How often a packet was asked for");
}

static void reorder_init(Reorder* self) {
    self->sink = add_rtp_pad(&self->element, "sink");
    gst_pad_set_chain_function(self->sink, chain);
    self->src = add_rtp_pad(&self->element, "src");
    join_pads(self->sink, self->src);
    GST_PAD_SET_PROXY_CAPS(self->sink);
    GST_PAD_SET_PROXY_CAPS(self->src);
    self->state = new ReorderState;
}

}  // namespace sluice::elements
