#include "elements/fanout.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "elements/fanout_queue.h"
#include "elements/leg.h"
#include "elements/pads.h"
#include "elements/properties.h"

GST_DEBUG_CATEGORY(sluice_fanout_debug);
#define GST_CAT_DEFAULT sluice_fanout_debug

namespace sluice::elements {

// --- the request pad ---

struct LegPad {
    GstPad pad;
    Leg* leg;
};
struct LegPadClass {
    GstPadClass parent;
};

G_DEFINE_TYPE(LegPad, leg_pad, GST_TYPE_PAD)

namespace {

enum LegProperty { kOpen = 1, kExpress, kPackets, kBytes, kDropped, kRetransmitted, kRefused, kLastFlow };

LegPad* as_leg_pad(gpointer object) {
    return static_cast<LegPad*>(object);
}

void set_leg_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    if (id == kOpen)
        open_leg(GST_PAD(object), g_value_get_boolean(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void get_leg_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    const auto& leg = *as_leg_pad(object)->leg;
    switch (id) {
        case kOpen:
            return g_value_set_boolean(value, leg.is_open());
        case kExpress:
            return g_value_set_boolean(value, leg.is_express());
        case kPackets:
            return g_value_set_uint64(value, leg.packets());
        case kBytes:
            return g_value_set_uint64(value, leg.bytes());
        case kDropped:
            return g_value_set_uint64(value, leg.dropped());
        case kRetransmitted:
            return g_value_set_uint64(value, leg.retransmitted());
        case kRefused:
            return g_value_set_uint64(value, leg.refused());
        case kLastFlow:
            return g_value_set_string(value, gst_flow_get_name(leg.last_flow()));
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize_leg_pad(GObject* object) {
    delete as_leg_pad(object)->leg;
    G_OBJECT_CLASS(leg_pad_parent_class)->finalize(object);
}

}  // namespace

static void leg_pad_class_init(LegPadClass* klass) {
    auto* object = G_OBJECT_CLASS(klass);
    object->set_property = set_leg_property;
    object->get_property = get_leg_property;
    object->finalize = finalize_leg_pad;
    g_object_class_install_property(
        object, kOpen,
        g_param_spec_boolean("open", "Open", "Closed, nothing passes; opening asks for a key frame", FALSE,
                             kReadWrite));
    g_object_class_install_property(
        object, kExpress,
        g_param_spec_boolean("express", "Express", "Packets pass by webrtcbin", FALSE, kReadable));
    install_counter(object, kPackets, "packets", "Packets that passed");
    install_counter(object, kBytes, "bytes", "Bytes of them, header and payload");
    install_counter(object, kDropped, "dropped", "Packets that did not: closed, or no key frame yet");
    install_counter(object, kRetransmitted, "retransmitted", "Packets that were sent again");
    install_counter(object, kRefused, "refused",
                    "Packets that were asked for again more often than that is done");
    g_object_class_install_property(
        object, kLastFlow,
        g_param_spec_string("last-flow", "Last flow", "What the element behind answered last", "ok",
                            kReadable));
}

static void leg_pad_init(LegPad* self) {
    self->leg = new Leg(&self->pad);
}

Leg& leg_of(GstPad* pad) {
    return *as_leg_pad(pad)->leg;
}

// --- the element ---

namespace {

enum FanoutProperty { kThreaded = 1, kLegs, kExpressLegs, kLate };

using Legs = std::vector<LegPad*>;  ///< With a reference each.

/// How many packets of a batch each leg takes in turn: enough for one message of UDP_SEGMENT, few enough that
/// the last leg does not wait long.
constexpr size_t kRound = 16;

/// So many packets to legs the streaming thread sends in a second, an eighth of it or so. Past that it leaves
/// them to a thread, which takes several at once when it is late.
constexpr size_t kSends = 30'000;

struct FanoutState {
    ~FanoutState() {
        for (GstEvent* event : beginning) gst_clear_event(&event);
    }

    std::mutex mutex;  // the two below
    std::shared_ptr<const Legs> legs = std::make_shared<const Legs>();
    /// Stream-start, caps and segment, as every leg is told of them. GStreamer keeps them too, but only after
    /// our event function has returned: a leg that came in between would miss them.
    std::array<GstEvent*, 3> beginning{};
    std::atomic<bool> legs_are_new{true};
    std::atomic<bool> threaded{false};
    std::atomic<guint64> late{0};

    // Guarded by the sink pad's stream lock; the queue's thread never sees them.
    std::unique_ptr<FanoutQueue> queue;
    gint64 second_began_us = 0;
    size_t sends = 0;  ///< Since then.

    // Whoever does the work: the queue's thread, or without one the streaming thread.
    std::shared_ptr<const Legs> working;
    std::unique_ptr<ice::Outbox> outbox;
};

std::shared_ptr<const Legs> holding(Legs legs) {
    for (auto* leg : legs) gst_object_ref(leg);
    return {new Legs(std::move(legs)), [](const Legs* held) {
                for (auto* leg : *held) gst_object_unref(leg);
                delete held;
            }};
}

}  // namespace

struct Fanout {
    GstElement element;
    GstPad* sink;
    FanoutState* state;
};
struct FanoutClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(Fanout, fanout, GST_TYPE_ELEMENT)

namespace {

Fanout* as_fanout(gpointer object) {
    return static_cast<Fanout*>(object);
}

/// Up to kRound packets to all legs.
void deliver(FanoutState& state, std::span<GstBuffer* const> buffers, gint64 now_us) {
    if (state.legs_are_new.exchange(false)) {
        std::lock_guard lock(state.mutex);
        state.working = state.legs;
    }
    std::array<GstMapInfo, kRound> maps;
    std::array<LegPacket, kRound> packets;
    size_t count = 0;
    for (GstBuffer* buffer : buffers) {
        auto& packet = packets[count];
        if (!gst_buffer_map(buffer, &maps[count], GST_MAP_READ))
            continue;
        packet = {.buffer = buffer,
                  .rtp = {},
                  .begins = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT),
                  .now_us = now_us};
        if (packet.rtp.parse(maps[count].data, maps[count].size))
            count++;
        else
            gst_buffer_unmap(buffer, &maps[count]);
    }
    for (LegPad* pad : *state.working)
        for (size_t i = 0; i < count; i++) pad->leg->take(packets[i], state.outbox.get());
    if (state.outbox)
        state.outbox->flush();
    for (size_t i = 0; i < count; i++) gst_buffer_unmap(packets[i].buffer, &maps[i]);
}

/// On the streaming thread.
void deliver_here(FanoutState& state, GstBuffer* buffer) {
    const gint64 now_us = g_get_monotonic_time();
    deliver(state, {&buffer, 1}, now_us);
    gst_buffer_unref(buffer);
    if (now_us >= state.second_began_us + G_USEC_PER_SEC) {
        state.second_began_us = now_us;
        state.sends = 0;
    }
    state.sends += state.working->size();
    if (state.sends > kSends)
        state.threaded = true;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    auto& state = *as_fanout(parent)->state;
    if (!state.queue && state.threaded)
        state.queue = std::make_unique<FanoutQueue>([&state](std::span<GstBuffer* const> batch) {
            for (size_t at = 0; at < batch.size(); at += kRound)
                deliver(state, batch.subspan(at, std::min(kRound, batch.size() - at)),
                        g_get_monotonic_time());
        });
    if (!state.queue)
        deliver_here(state, buffer);
    else if (!state.queue->push(buffer))
        state.late.fetch_add(1, std::memory_order_relaxed);
    return GST_FLOW_OK;
}

gboolean sink_event(GstPad*, GstObject* parent, GstEvent* event) {
    auto& state = *as_fanout(parent)->state;
    // sluicetrack sends each of them once, before its first packet: they need not queue up with those.
    constexpr std::array kBeginning{GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT};
    const auto kind = std::ranges::find(kBeginning, GST_EVENT_TYPE(event));
    if (kind != kBeginning.end()) {
        std::shared_ptr<const Legs> legs;
        {
            std::lock_guard lock(state.mutex);
            gst_event_replace(&state.beginning[static_cast<size_t>(kind - kBeginning.begin())], event);
            legs = state.legs;
        }
        for (LegPad* leg : *legs) gst_pad_push_event(&leg->pad, gst_event_ref(event));
    }
    gst_event_unref(event);
    return TRUE;  // a refusal would reach the tee, and so the producer
}

gboolean src_event(GstPad*, GstObject* parent, GstEvent* event) {
    if (parent && gst_event_has_name(event, "GstForceKeyUnit"))
        return gst_pad_push_event(as_fanout(parent)->sink, event);
    gst_event_unref(event);
    return TRUE;
}

GstPad* request_new_pad(GstElement* element, GstPadTemplate* with, const gchar* name, const GstCaps*) {
    auto* self = as_fanout(element);
    auto* pad = GST_PAD(
        g_object_new(leg_pad_get_type(), "name", name, "direction", GST_PAD_SRC, "template", with, nullptr));
    gst_pad_set_event_function(pad, src_event);
    gst_pad_set_query_function(pad, live_query);
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(element, pad);
    auto& state = *self->state;
    std::lock_guard lock(state.mutex);
    for (GstEvent* event : state.beginning)
        if (event)
            gst_pad_store_sticky_event(pad, event);
    auto legs = *state.legs;
    legs.push_back(as_leg_pad(pad));
    state.legs = holding(std::move(legs));
    state.legs_are_new = true;
    return pad;
}

void release_pad(GstElement* element, GstPad* pad) {
    auto& state = *as_fanout(element)->state;
    std::shared_ptr<const Legs> before;
    {
        std::lock_guard lock(state.mutex);
        auto legs = *state.legs;
        std::erase(legs, as_leg_pad(pad));
        before = std::exchange(state.legs, holding(std::move(legs)));
        state.legs_are_new = true;
    }
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element, pad);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    if (id == kThreaded)
        as_fanout(object)->state->threaded = g_value_get_boolean(value);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    auto& state = *as_fanout(object)->state;
    std::lock_guard lock(state.mutex);
    switch (id) {
        case kThreaded:
            return g_value_set_boolean(value, state.threaded);
        case kLegs:
            return g_value_set_uint(value, static_cast<guint>(state.legs->size()));
        case kExpressLegs:
            return g_value_set_uint(value,
                                    static_cast<guint>(std::ranges::count_if(
                                        *state.legs, [](LegPad* leg) { return leg->leg->is_express(); })));
        case kLate:
            return g_value_set_uint64(value, state.late);
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
    auto& state = *as_fanout(element)->state;
    const auto result = GST_ELEMENT_CLASS(fanout_parent_class)->change_state(element, change);
    // The sink pad has been deactivated: nothing is in chain() any more.
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY) {
        state.queue.reset();
        state.working.reset();
        state.legs_are_new = true;
    }
    return result;
}

void finalize(GObject* object) {
    delete as_fanout(object)->state;
    G_OBJECT_CLASS(fanout_parent_class)->finalize(object);
}

}  // namespace

static void fanout_class_init(FanoutClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_fanout_debug, "sluicefanout", 0, "one track to many consumers");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    element->change_state = change_state;
    element->request_new_pad = request_new_pad;
    element->release_pad = release_pad;
    gst_element_class_set_static_metadata(
        element, "Sluice fan-out", "Generic/Network/RTP",
        "One track to many consumers, each isolated from the others: past its webrtcbin to the socket where "
        "it "
        "can, through it else; begins at a key frame; passes only key-frame requests back",
        "sluice");
    add_rtp_pad_template(element, GST_PAD_SINK);
    static GstStaticPadTemplate legs =
        GST_STATIC_PAD_TEMPLATE("src_%u", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS("application/x-rtp"));
    gst_element_class_add_static_pad_template_with_gtype(element, &legs, leg_pad_get_type());

    g_object_class_install_property(
        object, kThreaded,
        g_param_spec_boolean("threaded", "Threaded",
                             "Consumers are served on a thread of its own: when set, or when more is sent "
                             "than the streaming thread should; it stays",
                             FALSE, kReadWrite));
    g_object_class_install_property(
        object, kLegs, g_param_spec_uint("legs", "Legs", "Consumers", 0, G_MAXUINT, 0, kReadable));
    g_object_class_install_property(
        object, kExpressLegs,
        g_param_spec_uint("express-legs", "Express legs", "Those whose packets pass by webrtcbin", 0,
                          G_MAXUINT, 0, kReadable));
    install_counter(object, kLate, "late", "Packets dropped because the thread was too far behind");
}

static void fanout_init(Fanout* self) {
    self->sink = add_rtp_pad(&self->element, "sink");
    gst_pad_set_chain_function(self->sink, chain);
    gst_pad_set_event_function(self->sink, sink_event);
    gst_pad_set_query_function(self->sink, live_query);
    self->state = new FanoutState;
}

void set_network(GstElement* fanout, ice::Network& network) {
    as_fanout(fanout)->state->outbox = std::make_unique<ice::Outbox>(network);
}

void ask_for_key_frame_of(GstPad* leg) {
    if (auto* parent = gst_pad_get_parent_element(leg)) {
        ask_for_key_frame(as_fanout(parent)->sink);
        gst_object_unref(parent);
    }
}

void open_leg(GstPad* pad, bool open) {
    auto& leg = leg_of(pad);
    const bool opens = open && !leg.is_open();
    leg.set_open(open);
    if (opens)
        ask_for_key_frame_of(pad);
}

}  // namespace sluice::elements
