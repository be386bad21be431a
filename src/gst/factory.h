#pragma once

#include <gst/gst.h>

#include "gst/ref.h"

namespace sluice::gst {

/// Whether an element is of the factory of that name. Any thread.
inline bool is_made_by(GstElement* element, const char* factory) {
    GstElementFactory* made_by = gst_element_get_factory(element);
    return made_by && g_str_equal(GST_OBJECT_NAME(made_by), factory);
}

/// An element of that factory, however deep in the bin; null: there is none. Any thread.
inline Ref<GstElement> find_made_by(GstBin* bin, const char* factory) {
    GstIterator* all = gst_bin_iterate_all_by_element_factory_name(bin, factory);
    GValue item = G_VALUE_INIT;
    GstIteratorResult result;
    while ((result = gst_iterator_next(all, &item)) == GST_ITERATOR_RESYNC) gst_iterator_resync(all);
    Ref<GstElement> found;
    if (result == GST_ITERATOR_OK) {
        found = Ref<GstElement>::retain(static_cast<GstElement*>(g_value_get_object(&item)));
        g_value_unset(&item);
    }
    gst_iterator_free(all);
    return found;
}

}  // namespace sluice::gst
