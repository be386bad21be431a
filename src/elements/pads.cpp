#include "elements/pads.h"

#include <initializer_list>

namespace sluice::elements {

void add_rtp_pad_template(GstElementClass* klass, GstPadDirection direction) {
    static GstStaticPadTemplate sink =
        GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp"));
    static GstStaticPadTemplate src =
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp"));
    gst_element_class_add_static_pad_template(klass, direction == GST_PAD_SINK ? &sink : &src);
}

GstPad* add_rtp_pad(GstElement* element, const char* name) {
    GstPad* pad = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), name), name);
    gst_element_add_pad(element, pad);
    return pad;
}

gboolean live_query(GstPad* pad, GstObject* parent, GstQuery* query) {
    switch (GST_QUERY_TYPE(query)) {
        case GST_QUERY_LATENCY:
            gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
            return TRUE;
        case GST_QUERY_ALLOCATION:
            return FALSE;
        default:
            return gst_pad_query_default(pad, parent, query);
    }
}

gboolean drop_event(GstPad*, GstObject*, GstEvent* event) {
    gst_event_unref(event);
    return TRUE;
}

bool ask_for_key_frame(GstPad* sink) {
    return gst_pad_push_event(sink, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                         gst_structure_new("GstForceKeyUnit", "all-headers",
                                                                           G_TYPE_BOOLEAN, FALSE, nullptr)));
}

void join_pads(GstPad* sink, GstPad* src) {
    gst_pad_set_element_private(sink, src);
    gst_pad_set_element_private(src, sink);
    for (GstPad* pad : {sink, src})
        gst_pad_set_iterate_internal_links_function(
            pad, +[](GstPad* of, GstObject*) {
                GValue link = G_VALUE_INIT;
                g_value_init(&link, GST_TYPE_PAD);
                g_value_set_object(&link, joined_pad(of));
                GstIterator* links = gst_iterator_new_single(GST_TYPE_PAD, &link);
                g_value_unset(&link);
                return links;
            });
}

GstPad* joined_pad(GstPad* pad) {
    return static_cast<GstPad*>(gst_pad_get_element_private(pad));
}

}  // namespace sluice::elements
