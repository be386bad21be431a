#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// Registers the server's own elements with GStreamer ("sluicetrack", "sluicefanout", "sluicegate",
/// "sluicefeed", "sluiceav1depay", "sluicekeyframes", "sluiceimages",
/// "sluicemp4mux") and keeps OpenSSL from cleaning up at exit(). Once, after gst_init(),
/// before OpenSSL is used.
void init();

}  // namespace sluice::elements
