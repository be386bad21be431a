#include "elements/key_frame_filter.h"

#include <gst/base/gstbasetransform.h>

#include "elements/pads.h"
#include "elements/properties.h"

GST_DEBUG_CATEGORY_STATIC(sluice_key_frame_filter_debug);
#define GST_CAT_DEFAULT sluice_key_frame_filter_debug

namespace sluice::elements {
namespace {

constexpr guint kDefaultInterval = 10;
constexpr GstClockTime kPatience = GST_SECOND;  ///< From one request to the next.

enum Property { kInterval = 1 };

}  // namespace

struct KeyFrameFilter {
    GstBaseTransform base;
    guint interval;              ///< Seconds; with the object lock.
    GstClockTime passed, asked;  ///< When, by the times of the frames; streaming thread.
};
struct KeyFrameFilterClass {
    GstBaseTransformClass parent;
};

G_DEFINE_TYPE(KeyFrameFilter, key_frame_filter, GST_TYPE_BASE_TRANSFORM)

namespace {

KeyFrameFilter* as_filter(gpointer object) {
    return static_cast<KeyFrameFilter*>(object);
}

bool is_over(GstClockTime since, GstClockTime duration, GstClockTime now) {
    return !GST_CLOCK_TIME_IS_VALID(since) || now >= since + duration;
}

GstFlowReturn transform(GstBaseTransform* base, GstBuffer* frame) {
    auto* self = as_filter(base);
    GST_OBJECT_LOCK(self);
    const GstClockTime interval = self->interval * GST_SECOND;
    GST_OBJECT_UNLOCK(self);
    const GstClockTime now = GST_BUFFER_PTS(frame);
    if (!GST_CLOCK_TIME_IS_VALID(now) || !is_over(self->passed, interval, now))
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    if (!GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT)) {
        self->passed = now;
        return GST_FLOW_OK;
    }
    if (is_over(self->asked, kPatience, now)) {
        self->asked = now;
        ask_for_key_frame(GST_BASE_TRANSFORM_SINK_PAD(base));
    }
    return GST_BASE_TRANSFORM_FLOW_DROPPED;
}

gboolean start(GstBaseTransform* base) {
    as_filter(base)->passed = as_filter(base)->asked = GST_CLOCK_TIME_NONE;
    return TRUE;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec*) {
    GST_OBJECT_LOCK(object);
    as_filter(object)->interval = g_value_get_uint(value);
    GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint, GValue* value, GParamSpec*) {
    GST_OBJECT_LOCK(object);
    g_value_set_uint(value, as_filter(object)->interval);
    GST_OBJECT_UNLOCK(object);
}

}  // namespace

static void key_frame_filter_class_init(KeyFrameFilterClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_key_frame_filter_debug, "sluicekeyframes", 0, "a key frame now and then");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    auto* base = GST_BASE_TRANSFORM_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    base->start = start;
    base->transform_ip = transform;
    base->passthrough_on_same_caps = TRUE;
    base->transform_ip_on_passthrough = TRUE;
    g_object_class_install_property(
        object, kInterval,
        g_param_spec_uint("interval", "Interval", "Seconds from one key frame to the next", 1, 86400,
                          kDefaultInterval, kReadWrite));
    gst_element_class_set_static_metadata(element, "Sluice key-frame filter", "Filter/Video",
                                          "Passes one key frame in an interval and asks for it", "sluice");
    static GstStaticPadTemplate sink =
        GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    static GstStaticPadTemplate src =
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    gst_element_class_add_static_pad_template(element, &sink);
    gst_element_class_add_static_pad_template(element, &src);
}

static void key_frame_filter_init(KeyFrameFilter* self) {
    self->interval = kDefaultInterval;
    self->passed = self->asked = GST_CLOCK_TIME_NONE;
}

}  // namespace sluice::elements
