#pragma once

namespace sluice::app {

/// Sends GStreamer's warnings and errors to our log, with the path of the element, which names room and user.
/// Each of GStreamer's categories may write a few lines a second; the rest is counted. GST_DEBUG, where it is
/// set, goes on working beside it. After gst_init().
void bridge_gstreamer_log();

}  // namespace sluice::app
