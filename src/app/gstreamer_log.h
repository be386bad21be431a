#pragma once

namespace sluice::app {

/// Sends GStreamer's warnings and errors to our log, with the path of the element, which names room and user.
/// Each of GStreamer's categories may write a few lines a second; the rest is counted. What is less than a
/// warning comes only if it was asked for (gst/debug_threshold.h), and then all of it. GST_DEBUG, where it is
/// set, goes on working beside it. After gst_init(), before other threads.
void bridge_gstreamer_log();

}  // namespace sluice::app
