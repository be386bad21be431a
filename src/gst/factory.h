#pragma once

#include <gst/gst.h>

namespace sluice::gst {

/// Whether an element is of the factory of that name. Any thread.
inline bool is_made_by(GstElement* element, const char* factory) {
    GstElementFactory* made_by = gst_element_get_factory(element);
    return made_by && g_str_equal(GST_OBJECT_NAME(made_by), factory);
}

}  // namespace sluice::gst
