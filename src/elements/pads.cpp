#include "elements/pads.h"

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

}  // namespace sluice::elements
