#include "elements/gate.h"

#include <atomic>

#include "elements/pads.h"
#include "elements/properties.h"

GST_DEBUG_CATEGORY_STATIC(sluice_gate_debug);
#define GST_CAT_DEFAULT sluice_gate_debug

namespace sluice::elements {
namespace {

enum Property { kOpen = 1, kPackets, kBytes, kDropped, kLastFlow };

struct GateState {
    std::atomic<bool> open{false};
    std::atomic<bool> begins{true};  ///< The next packet to pass is one at which a decoder can begin.
    std::atomic<GstFlowReturn> last_flow{GST_FLOW_OK};
    std::atomic<guint64> packets{0}, bytes{0}, dropped{0};
};

}  // namespace

struct Gate {
    GstElement element;
    GstPad* sink;
    GstPad* src;
    GateState* state;
};
struct GateClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(Gate, gate, GST_TYPE_ELEMENT)

namespace {

Gate* as_gate(gpointer object) {
    return static_cast<Gate*>(object);
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    auto* self = as_gate(parent);
    auto& state = *self->state;
    // sluicetrack marks every packet but the first of a key frame; sound is never marked.
    const bool passes = state.open.load(std::memory_order_relaxed) &&
                        !(state.begins.load(std::memory_order_relaxed) &&
                          GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
    if (!passes) {
        state.dropped.fetch_add(1, std::memory_order_relaxed);
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    state.begins.store(false, std::memory_order_relaxed);
    state.packets.fetch_add(1, std::memory_order_relaxed);
    state.bytes.fetch_add(gst_buffer_get_size(buffer), std::memory_order_relaxed);
    const GstFlowReturn flow = gst_pad_push(self->src, buffer);
    if (flow != state.last_flow.load(std::memory_order_relaxed)) {
        state.last_flow.store(flow, std::memory_order_relaxed);
        if (flow != GST_FLOW_OK)
            GST_WARNING_OBJECT(self, "what is behind answers %s", gst_flow_get_name(flow));
    }
    return GST_FLOW_OK;
}

gboolean sink_event(GstPad*, GstObject* parent, GstEvent* event) {
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_STREAM_START:
        case GST_EVENT_CAPS:
        case GST_EVENT_SEGMENT:
            gst_pad_push_event(as_gate(parent)->src, event);
            break;
        default:
            gst_event_unref(event);
    }
    return TRUE;  // a refusal would reach the tee, and so the producer
}

gboolean src_event(GstPad*, GstObject* parent, GstEvent* event) {
    if (gst_event_has_name(event, "GstForceKeyUnit"))
        return gst_pad_push_event(as_gate(parent)->sink, event);
    gst_event_unref(event);
    return TRUE;
}

void set_open(Gate* self, bool open) {
    auto& state = *self->state;
    if (state.open == open)
        return;
    if (open)
        state.begins = true;
    state.open = open;
    if (open)
        ask_for_key_frame(self->sink);
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    if (id == kOpen)
        set_open(as_gate(object), g_value_get_boolean(value));
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    const auto& state = *as_gate(object)->state;
    switch (id) {
        case kOpen:
            return g_value_set_boolean(value, state.open);
        case kPackets:
            return g_value_set_uint64(value, state.packets);
        case kBytes:
            return g_value_set_uint64(value, state.bytes);
        case kDropped:
            return g_value_set_uint64(value, state.dropped);
        case kLastFlow:
            return g_value_set_string(value, gst_flow_get_name(state.last_flow));
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    delete as_gate(object)->state;
    G_OBJECT_CLASS(gate_parent_class)->finalize(object);
}

}  // namespace

static void gate_class_init(GateClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_gate_debug, "sluicegate", 0, "one branch of a track");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    gst_element_class_set_static_metadata(
        element, "Sluice gate", "Filter/Network/RTP",
        "Isolates a tee from one branch: always OK upstream, begins at a key frame, "
        "passes only key-frame requests back",
        "sluice");
    add_rtp_pad_template(element, GST_PAD_SINK);
    add_rtp_pad_template(element, GST_PAD_SRC);
    const auto install = [object](guint id, GParamSpec* spec) {
        g_object_class_install_property(object, id, spec);
    };
    install(kOpen,
            g_param_spec_boolean("open", "Open", "Closed, nothing passes; opening asks for a key frame",
                                 FALSE, kReadWrite));
    install_counter(object, kPackets, "packets", "Packets that passed");
    install_counter(object, kBytes, "bytes", "Bytes of them");
    install_counter(object, kDropped, "dropped", "Packets that did not: closed, or no key frame yet");
    install(kLastFlow, g_param_spec_string("last-flow", "Last flow", "What the branch behind answered last",
                                           "ok", kReadable));
}

static void gate_init(Gate* self) {
    self->sink = add_rtp_pad(&self->element, "sink");
    gst_pad_set_chain_function(self->sink, chain);
    gst_pad_set_event_function(self->sink, sink_event);
    gst_pad_set_query_function(self->sink, live_query);
    self->src = add_rtp_pad(&self->element, "src");
    gst_pad_set_event_function(self->src, src_event);
    gst_pad_set_query_function(self->src, live_query);
    self->state = new GateState;
}

}  // namespace sluice::elements
