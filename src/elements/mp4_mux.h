#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// `sluicemp4mux`: sound (Opus) and picture (H264, VP9, AV1) in an MP4 file, which is in fragments of a
/// second while it is written, so that what is there always plays, and in one piece once it has ended. No
/// track waits for another one: what comes is written, and a silence is a gap in its place.
///
/// mp4mux 1.22 does not write a word of one track until the next frame of every other one has come, whatever
/// GAP events say (find_best_pad() goes by the time of the frame that it holds back). isofmp4mux of
/// gst-plugins-rs is not in Debian 12; it replaces this where it is installed.
///
/// Frames are stored in the order of their times: WebRTC has none that depend on later ones.
GType mp4_mux_get_type();

}  // namespace sluice::elements
