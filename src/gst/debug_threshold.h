#pragma once

#include <string>

#include "base/result.h"

namespace sluice::gst {

/// What GStreamer writes to its log, as GST_DEBUG has it: "webrtcbin:5,sluice*:4", the last one that fits a
/// category counts; a number alone is for all others, which is 2 (warnings) where there is none. At the start
/// it is what the environment's GST_DEBUG says. One for the process; scheduler thread.
std::string debug_threshold();
/// Replaces it. InvalidArgument: it is none, and nothing has changed.
Status set_debug_threshold(const std::string& threshold);

}  // namespace sluice::gst
