#include "media/log_detail.h"

#include <optional>
#include <string_view>

#include <glib.h>

#include "gst/debug_threshold.h"

namespace sluice::media {
namespace {

LogDetail& current() {
    static LogDetail detail;
    return detail;
}

/// By the names of pipelines and of their elements; docs/pipelines.md has them.
gst::DebugFilter filter_of(const std::string& room, const std::optional<std::string>& user) {
    const std::string in_room = "/GstPipeline:" + room + "|";
    if (!user)
        return [in_room](std::string_view path) { return path.starts_with(in_room); };
    return [in_room, sent = in_room + *user, received = ":consumer(" + *user + ")"](std::string_view path) {
        const bool whole_name = path.size() <= sent.size() || path[sent.size()] == '/';
        return (path.starts_with(sent) && whole_name) ||
               (path.starts_with(in_room) && path.find(received) != std::string_view::npos);
    };
}

}  // namespace

LogDetail log_detail() {
    return {gst::debug_threshold(), current().room, current().user};
}

Status set_log_detail(const LogDetail& detail) {
    if (detail.room && g_getenv("GST_DEBUG"))
        return Error{
            ErrorCode::InvalidArgument,
            "must be left out where GST_DEBUG is set in the server's environment: GStreamer then writes "
            "its log itself, and knows no rooms",
            "roomId"};
    if (const auto set = gst::set_debug_threshold(
            detail.threshold, detail.room ? filter_of(*detail.room, detail.user) : gst::DebugFilter());
        !set)
        return Error{set.error().code, set.error().message, "threshold"};
    current() = detail;
    return Ok{};
}

}  // namespace sluice::media
