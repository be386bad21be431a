#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// Registers the server's own elements with GStreamer ("sluicetrack", "sluicefanout", "sluicegate"). Once,
/// after gst_init().
void register_elements();

}  // namespace sluice::elements
