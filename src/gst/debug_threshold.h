#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::gst {

/// What GStreamer writes to its log, as GST_DEBUG has it: "webrtcbin:5,sluice*:4", the last one that fits a
/// category counts; a number alone is for all others, which is 2 (warnings) where there is none. At the start
/// it is what the environment's GST_DEBUG says. One for the process; scheduler thread.
std::string debug_threshold();

/// Of which objects, by their path ("/GstPipeline:name/..."), what is less than a warning is wanted; any
/// thread.
using DebugFilter = std::function<bool(std::string_view path)>;
/// Replaces threshold and filter; without a filter it is wanted of all. InvalidArgument: the threshold is
/// none, and nothing has changed.
Status set_debug_threshold(const std::string& threshold, DebugFilter filter = {});
/// For who writes the log: a path is empty where a line has no object. Any thread.
bool debug_wanted(std::string_view path);

}  // namespace sluice::gst
