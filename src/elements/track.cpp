#include "elements/track.h"

#include <atomic>
#include <optional>
#include <utility>

#include "elements/key_frame.h"
#include "elements/key_frame_requests.h"
#include "elements/numbering.h"
#include "elements/pads.h"
#include "elements/properties.h"
#include "elements/rtp_packet.h"

GST_DEBUG_CATEGORY_STATIC(sluice_track_debug);
#define GST_CAT_DEFAULT sluice_track_debug

namespace sluice::elements {
namespace {

enum Property {
    kCaps = 1,
    kCodec,
    kSsrc,
    kPayload,
    kExtensions,
    kOpen,
    kMuted,
    kPackets,
    kBytes,
    kDropped,
    kKeyFrames,
    kKeyFrameRequests
};

/// How output sequence numbers and timestamps follow from those that come in. Streaming thread only.
struct Continuity {
    bool begun = false;  ///< A packet has gone out.
    bool gap = true;     ///< We have dropped something since, or the source is new.
    bool another = false;
    std::optional<uint32_t> source;  ///< The SSRC that comes in.
    Numbering numbering;
    uint32_t timestamp_shift = 0;  ///< out = in - shift
    uint32_t last_timestamp = 0;
    gint64 last_time_us = 0;
};

struct TrackState {
    explicit TrackState(GstElement* element, GstPad* sink)
        : requests(element, [sink] { return elements::ask_for_key_frame(sink); }) {}

    // Properties, set on any thread.
    std::atomic<Codec> codec{Codec::Opus};
    std::atomic<uint32_t> ssrc{0};
    std::atomic<int> payload{96};
    std::atomic<uint32_t> clock_rate{90000};
    std::atomic<bool> open{false};
    std::atomic<bool> muted{false};
    std::atomic<bool> restart{false};
    ExtensionIds extensions;
    const std::shared_ptr<PacketHistory> history = std::make_shared<PacketHistory>();
    GstCaps* caps = nullptr;  ///< Guarded by the object lock.

    KeyFrameRequests requests;

    // Streaming thread.
    Continuity continuity;
    KeyFrameFinder finder{Codec::Opus};

    std::atomic<guint64> packets{0}, bytes{0}, dropped{0}, key_frames{0};
};

}  // namespace

struct Track {
    GstElement element;
    GstPad* sink;
    GstPad* src;
    TrackState* state;
};
struct TrackClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(Track, track, GST_TYPE_ELEMENT)

namespace {

Track* as_track(gpointer object) {
    return static_cast<Track*>(object);
}

void ask_for_key_frame(Track* self) {
    auto& state = *self->state;
    if (!is_video(state.codec) || !state.open || state.muted)
        return;
    GstClock* clock = gst_element_get_clock(&self->element);
    if (!clock)
        clock = gst_system_clock_obtain();
    state.requests.ask(clock);
    gst_object_unref(clock);
}

/// Before the first packet. A tee (1.22 to 1.28) gives a new pad the events that have passed, and then adds
/// it to those that get the next ones: a branch that came while they pass would miss one, and stay dead.
void tell_downstream(Track* self) {
    char* id = gst_object_get_path_string(GST_OBJECT(self->src));
    gst_pad_push_event(self->src, gst_event_new_stream_start(id));
    g_free(id);
    GST_OBJECT_LOCK(self);
    GstCaps* caps = self->state->caps ? gst_caps_ref(self->state->caps) : nullptr;
    GST_OBJECT_UNLOCK(self);
    if (caps) {
        gst_pad_push_event(self->src, gst_event_new_caps(caps));
        gst_caps_unref(caps);
    }
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(self->src, gst_event_new_segment(&segment));
}

/// After a gap of our own making the packet follows the last one that went out, as if nothing had been
/// between.
void close_gap(TrackState& state, const RtpPacket& packet) {
    auto& c = state.continuity;
    c.numbering.close_gap(packet.sequence());
    if (c.begun && c.another) {
        const auto elapsed_us = static_cast<uint64_t>(g_get_monotonic_time() - c.last_time_us);
        const auto elapsed = static_cast<uint32_t>(elapsed_us * state.clock_rate / 1'000'000);
        c.timestamp_shift = packet.timestamp() - (c.last_timestamp + MAX(elapsed, 1u));
    }
    c.gap = false;
    c.another = false;
}

/// Whether the packet goes on, rewritten.
bool take(Track* self, RtpPacket& packet, bool& begins_key_frame) {
    auto& state = *self->state;
    auto& c = state.continuity;
    const Codec codec = state.codec;
    // Another than before, or the first. A producer may renew its SSRC within one section, which nobody tells
    // us of.
    const bool renewed = std::exchange(c.source, packet.ssrc()) != packet.ssrc();
    if (state.restart.exchange(false) || renewed) {
        c.gap = c.another = true;
        state.finder = KeyFrameFinder(codec);
    }
    if (!state.open || state.muted) {
        c.gap = true;
        return false;
    }
    if (packet.payload_size == 0) {  // probing for bandwidth: nothing that a consumer could use
        if (renewed)
            ask_for_key_frame(self);
        c.numbering.leave_out();
        return false;
    }
    begins_key_frame = is_video(codec) && state.finder.begins(packet.data + packet.payload,
                                                              packet.payload_size, packet.timestamp());
    if (begins_key_frame) {
        state.key_frames++;
        state.requests.answered();
    } else if (renewed || state.requests.is_given_up()) {
        ask_for_key_frame(self);  // the key frame was lost on the way, or the request: now there is a path
    }
    if (c.gap) {
        if (is_video(codec) && !begins_key_frame)
            return false;
        close_gap(state, packet);
    }
    const auto sequence = c.numbering.next(packet.sequence());
    if (!sequence)
        return false;
    // rtprtxreceive (1.22 to 1.28) makes the padding of what was sent again anew, and fills in its last byte:
    // the others are what has been in that memory.
    packet.drop_padding();
    state.extensions.rewrite(packet);
    if (*sequence == c.numbering.last()) {
        c.last_timestamp = packet.timestamp() - c.timestamp_shift;
        c.last_time_us = g_get_monotonic_time();
    }
    c.begun = true;
    packet.set_sequence(*sequence);
    packet.set_timestamp(packet.timestamp() - c.timestamp_shift);
    packet.set_ssrc(state.ssrc);
    packet.set_payload_type(state.payload);
    return true;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    auto* self = as_track(parent);
    auto& state = *self->state;
    buffer = gst_buffer_make_writable(buffer);
    GstMapInfo map;
    RtpPacket packet;
    bool begins_key_frame = false, goes_on = false;
    uint16_t sequence = 0;
    if (gst_buffer_map(buffer, &map, GST_MAP_READWRITE)) {
        goes_on = packet.parse(map.data, map.size) && take(self, packet, begins_key_frame);
        if (goes_on)
            sequence = packet.sequence();
        gst_buffer_unmap(buffer, &map);
    }
    if (!goes_on) {
        state.dropped++;
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    if (packet.size < map.size)
        gst_buffer_set_size(buffer, static_cast<gssize>(packet.size));
    if (is_video(state.codec) && !begins_key_frame)
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    else
        GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    state.packets++;
    state.bytes += packet.size;
    if (is_video(state.codec))
        state.history->put(sequence, buffer);
    gst_pad_push(self->src, buffer);  // whatever becomes of it is no business of the producer's
    return GST_FLOW_OK;
}

/// The producer's connection may end and be replaced; what is behind goes on.
gboolean sink_event(GstPad*, GstObject*, GstEvent* event) {
    gst_event_unref(event);
    return TRUE;
}

gboolean src_event(GstPad*, GstObject* parent, GstEvent* event) {
    if (gst_event_has_name(event, "GstForceKeyUnit"))
        ask_for_key_frame(as_track(parent));
    gst_event_unref(event);
    return TRUE;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    auto* self = as_track(object);
    auto& state = *self->state;
    switch (id) {
        case kCaps: {
            GST_OBJECT_LOCK(self);
            gst_caps_replace(&state.caps, const_cast<GstCaps*>(gst_value_get_caps(value)));
            int rate = 0;
            if (state.caps &&
                gst_structure_get_int(gst_caps_get_structure(state.caps, 0), "clock-rate", &rate))
                state.clock_rate = static_cast<uint32_t>(rate);
            GST_OBJECT_UNLOCK(self);
            break;
        }
        case kCodec:
            if (const auto codec = codec_from(g_value_get_string(value))) {
                state.codec = *codec;
                state.restart = true;
            } else
                GST_WARNING_OBJECT(self, "unknown codec %s", g_value_get_string(value));
            break;
        case kSsrc:
            state.ssrc = g_value_get_uint(value);
            break;
        case kPayload:
            state.payload = g_value_get_int(value);
            break;
        case kExtensions:
            if (!state.extensions.set(g_value_get_string(value) ? g_value_get_string(value) : ""))
                GST_WARNING_OBJECT(self, "extensions \"%s\" are not of the form 4:1,3:2",
                                   g_value_get_string(value));
            break;
        case kOpen:
            if (!state.open.exchange(g_value_get_boolean(value)))
                ask_for_key_frame(self);
            break;
        case kMuted:
            if (state.muted.exchange(g_value_get_boolean(value)))
                ask_for_key_frame(self);
            else if (state.muted)
                state.requests.answered();  // what is asked for now, unmuting asks for again
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    auto* self = as_track(object);
    auto& state = *self->state;
    switch (id) {
        case kSsrc:
            return g_value_set_uint(value, state.ssrc);
        case kPayload:
            return g_value_set_int(value, state.payload);
        case kOpen:
            return g_value_set_boolean(value, state.open);
        case kMuted:
            return g_value_set_boolean(value, state.muted);
        case kPackets:
            return g_value_set_uint64(value, state.packets);
        case kBytes:
            return g_value_set_uint64(value, state.bytes);
        case kDropped:
            return g_value_set_uint64(value, state.dropped);
        case kKeyFrames:
            return g_value_set_uint64(value, state.key_frames);
        case kKeyFrameRequests:
            return g_value_set_uint64(value, state.requests.sent());
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
    auto& state = *as_track(element)->state;
    const auto result = GST_ELEMENT_CLASS(track_parent_class)->change_state(element, change);
    if (change == GST_STATE_CHANGE_READY_TO_PAUSED)
        tell_downstream(as_track(element));
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY) {
        state.requests.stop();
        state.history->clear();
    }
    return result;
}

void finalize(GObject* object) {
    auto* self = as_track(object);
    gst_caps_replace(&self->state->caps, nullptr);
    delete self->state;
    G_OBJECT_CLASS(track_parent_class)->finalize(object);
}

}  // namespace

static void track_class_init(TrackClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_track_debug, "sluicetrack", 0, "one track of a producer");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    element->change_state = change_state;
    gst_element_class_set_static_metadata(
        element, "Sluice track", "Filter/Network/RTP",
        "Makes one RTP stream uniform for all consumers: SSRC, payload type, header "
        "extension ids, continuous sequence numbers; merges key-frame requests",
        "sluice");
    add_rtp_pad_template(element, GST_PAD_SINK);
    add_rtp_pad_template(element, GST_PAD_SRC);
    const auto install = [object](guint id, GParamSpec* spec) {
        g_object_class_install_property(object, id, spec);
    };
    install(kCaps, g_param_spec_boxed("caps", "Caps",
                                      "What is told downstream in place of the source's caps; before "
                                      "it is started",
                                      GST_TYPE_CAPS, kWritable));
    install(kCodec, g_param_spec_string("codec", "Codec", "opus, VP8, VP9, H264 or AV1", "opus", kWritable));
    install(kSsrc,
            g_param_spec_uint("ssrc", "SSRC", "Of the packets that go out", 0, G_MAXUINT32, 0, kReadWrite));
    install(kPayload, g_param_spec_int("payload", "Payload type", "Of the packets that go out", 0, 127, 96,
                                       kReadWrite));
    install(kExtensions, g_param_spec_string("extensions", "Header extensions",
                                             "The source's ids and ours, \"4:1,3:2\"; "
                                             "others are removed",
                                             "", kWritable));
    install(kOpen, g_param_spec_boolean("open", "Open", "Closed, nothing passes", FALSE, kReadWrite));
    install(kMuted, g_param_spec_boolean("muted", "Muted", "Nothing passes for now", FALSE, kReadWrite));
    install_counter(object, kPackets, "packets", "Packets that went out");
    install_counter(object, kBytes, "bytes", "Bytes of RTP header and payload that went out");
    install_counter(object, kDropped, "dropped",
                    "Packets that did not: closed, muted, waiting for a key frame, without payload");
    install_counter(object, kKeyFrames, "key-frames", "Key frames that came");
    install_counter(object, kKeyFrameRequests, "key-frame-requests",
                    "Requests for a key frame that went to the source");
}

static void track_init(Track* self) {
    self->sink = add_rtp_pad(&self->element, "sink");
    gst_pad_set_chain_function(self->sink, chain);
    gst_pad_set_event_function(self->sink, sink_event);
    self->src = add_rtp_pad(&self->element, "src");
    gst_pad_set_event_function(self->src, src_event);
    gst_pad_set_query_function(self->src, live_query);
    self->state = new TrackState(&self->element, self->sink);
}

std::shared_ptr<PacketHistory> history_of(GstElement* track) {
    return as_track(track)->state->history;
}

void restart_track(GstElement* element) {
    auto* self = as_track(element);
    self->state->restart = true;
    ask_for_key_frame(self);
}

}  // namespace sluice::elements
