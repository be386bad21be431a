#include "ice/transport_elements.h"

#include <utility>

GST_DEBUG_CATEGORY_STATIC(sluice_ice_debug);
#define GST_CAT_DEFAULT sluice_ice_debug

namespace sluice::ice {
namespace {

GstStaticPadTemplate source_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

}  // namespace

struct IceSource {
    GstElement element;
    GstPad* pad;
    gboolean begun;  ///< stream-start and segment have gone out. Network thread, and reset while the pad is
                     ///< inactive.
};
struct IceSourceClass {
    GstElementClass parent;
};
G_DEFINE_TYPE(IceSource, ice_source, GST_TYPE_ELEMENT)

struct IceSink {
    GstElement element;
    std::shared_ptr<LitePeer>* peer;
};
struct IceSinkClass {
    GstElementClass parent;
};
G_DEFINE_TYPE(IceSink, ice_sink, GST_TYPE_ELEMENT)

namespace {

gboolean answer_latency(GstPad* pad, GstObject* parent, GstQuery* query) {
    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return gst_pad_query_default(pad, parent, query);
    gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
    return TRUE;
}

gboolean drop_event(GstPad*, GstObject*, GstEvent* event) {
    gst_event_unref(event);
    return TRUE;
}

GstStateChangeReturn change_source_state(GstElement* element, GstStateChange change) {
    const auto result = GST_ELEMENT_CLASS(ice_source_parent_class)->change_state(element, change);
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
        reinterpret_cast<IceSource*>(element)->begun = FALSE;
    const bool live =
        change == GST_STATE_CHANGE_READY_TO_PAUSED || change == GST_STATE_CHANGE_PLAYING_TO_PAUSED;
    return live && result == GST_STATE_CHANGE_SUCCESS ? GST_STATE_CHANGE_NO_PREROLL : result;
}

void begin(IceSource* self) {
    char* id = gst_pad_create_stream_id(self->pad, &self->element, nullptr);
    gst_pad_push_event(self->pad, gst_event_new_stream_start(id));
    g_free(id);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(self->pad, gst_event_new_segment(&segment));
    self->begun = TRUE;
}

GstFlowReturn send_buffer(GstPad*, GstObject* parent, GstBuffer* buffer) {
    const auto& peer = *reinterpret_cast<IceSink*>(parent)->peer;
    GstMapInfo map;
    if (gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        peer->send({map.data, map.size});
        gst_buffer_unmap(buffer, &map);
    }
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

void finalize_sink(GObject* object) {
    delete reinterpret_cast<IceSink*>(object)->peer;
    G_OBJECT_CLASS(ice_sink_parent_class)->finalize(object);
}

}  // namespace

static void ice_source_class_init(IceSourceClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_ice_debug, "sluiceice", 0, "ICE over one UDP port");
    auto* element = GST_ELEMENT_CLASS(klass);
    element->change_state = change_source_state;
    gst_element_class_add_static_pad_template(element, &source_template);
    gst_element_class_set_static_metadata(element, "Sluice ICE source", "Source/Network",
                                          "What one peer sends to the server's UDP port", "sluice");
}

static void ice_source_init(IceSource* self) {
    self->pad = gst_pad_new_from_static_template(&source_template, "src");
    gst_pad_set_query_function(self->pad, answer_latency);
    gst_pad_set_event_function(self->pad, drop_event);
    gst_element_add_pad(&self->element, self->pad);
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}

static void ice_sink_class_init(IceSinkClass* klass) {
    auto* element = GST_ELEMENT_CLASS(klass);
    G_OBJECT_CLASS(klass)->finalize = finalize_sink;
    gst_element_class_add_static_pad_template(element, &sink_template);
    gst_element_class_set_static_metadata(element, "Sluice ICE sink", "Sink/Network",
                                          "Sends to one peer from the server's UDP port", "sluice");
}

static void ice_sink_init(IceSink* self) {
    GstPad* pad = gst_pad_new_from_static_template(&sink_template, "sink");
    gst_pad_set_chain_function(pad, send_buffer);
    gst_pad_set_event_function(pad, drop_event);
    gst_pad_set_query_function(pad, answer_latency);
    gst_element_add_pad(&self->element, pad);
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}

GstElement* new_source() {
    return static_cast<GstElement*>(g_object_new(ice_source_get_type(), nullptr));
}

GstElement* new_sink(std::shared_ptr<LitePeer> peer) {
    auto* sink = static_cast<IceSink*>(g_object_new(ice_sink_get_type(), nullptr));
    sink->peer = new std::shared_ptr<LitePeer>(std::move(peer));
    return &sink->element;
}

void push(GstElement* element, std::span<const uint8_t> datagram) {
    auto* self = reinterpret_cast<IceSource*>(element);
    if (!GST_PAD_IS_ACTIVE(self->pad))
        return;
    if (!self->begun)
        begin(self);
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, datagram.size(), nullptr);
    gst_buffer_fill(buffer, 0, datagram.data(), datagram.size());
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = gst_element_get_current_running_time(element);
    gst_pad_push(self->pad, buffer);
}

}  // namespace sluice::ice
