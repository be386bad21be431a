#include "app/gstreamer_log.h"

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <gst/gst.h>

#include "base/log.h"
#include "gst/debug_threshold.h"
#include "gst/ref.h"

namespace sluice::app {
namespace {

constexpr unsigned kLinesPerPeriod = 5;
constexpr gint64 kPeriodUs = 10 * G_USEC_PER_SEC;

/// Said of every connection, and no news: webrtcbin would like transceivers that are there before the offer.
constexpr std::string_view kHarmless = "did not find compatible transceiver for offer caps";

/// GST_DEBUG was set when the process began: GStreamer writes its lines itself.
bool gstreamer_writes = false;

/// How much a category has written lately. A noisy element must not drown the rest.
struct Quota {
    gint64 since_us = 0;
    unsigned lines = 0;
    unsigned left_out = 0;
};

/// Whether this line may be written, and how many were left out before it.
bool may_write(const char* category, unsigned& left_out) {
    static std::mutex mutex;
    static std::map<std::string, Quota> quotas;
    std::lock_guard lock(mutex);
    auto& quota = quotas[category];
    const gint64 now = g_get_monotonic_time();
    if (now - quota.since_us > kPeriodUs) {
        left_out = quota.left_out;
        quota = {.since_us = now};
    }
    if (quota.lines == kLinesPerPeriod) {
        quota.left_out++;
        return false;
    }
    quota.lines++;
    return true;
}

/// "/GstPipeline:room|user/..." as gst_object_get_path_string() has it, which may not be called here: an
/// element may write while it holds its own lock (rtprtxsend 1.22 does), and that lock is not recursive. An
/// element that writes is in its bin, so its parent may be read without the lock; above it the path ends at a
/// lock that is held.
std::string path_of(GObject* object) {
    std::string path;
    auto at = gst::Ref<GstObject>::retain(GST_IS_OBJECT(object) ? GST_OBJECT(object) : nullptr);
    while (at) {
        const bool locked = g_mutex_trylock(GST_OBJECT_GET_LOCK(at.get()));
        if (!locked && !path.empty())
            break;
        path = std::string("/") + G_OBJECT_TYPE_NAME(at.get()) + ":" + GST_OBJECT_NAME(at.get()) + path;
        auto parent = gst::Ref<GstObject>::retain(GST_OBJECT_PARENT(at.get()));
        if (locked)
            GST_OBJECT_UNLOCK(at.get());
        at = std::move(parent);
    }
    return path;
}

/// GStreamer fills the names up with spaces.
std::string name_of(GstDebugLevel level) {
    const std::string_view name = gst_debug_level_get_name(level);
    return std::string(name.substr(0, name.find(' ')));
}

void on_message(GstDebugCategory* category, GstDebugLevel level, const gchar*, const gchar*, gint,
                GObject* object, GstDebugMessage* message, gpointer) noexcept {
    if (level > GST_LEVEL_WARNING) {
        // Not Debug: it comes because somebody has asked for it.
        if (gstreamer_writes)
            return;
        const auto path = path_of(object);
        if (gst::debug_wanted(path))
            log::info("gstreamer", {{"gst_level", name_of(level)},
                                    {"category", gst_debug_category_get_name(category)},
                                    {"element", path},
                                    {"text", gst_debug_message_get(message)}});
        return;
    }
    const auto ours = level == GST_LEVEL_ERROR ? log::Level::Error : log::Level::Warning;
    unsigned left_out = 0;
    if (!log::enabled(ours))
        return;
    const std::string text = gst_debug_message_get(message);
    if (text.starts_with(kHarmless) || !may_write(gst_debug_category_get_name(category), left_out))
        return;
    log::write(ours, "gstreamer",
               {{"category", gst_debug_category_get_name(category)},
                {"element", path_of(object)},
                {"text", text},
                {"left_out", left_out > 0 ? std::to_string(left_out) : ""}});
}

}  // namespace

void bridge_gstreamer_log() {
    // In parentheses: the functions, not the macros of the same names, which compare pointers as C++ may not.
    gstreamer_writes = g_getenv("GST_DEBUG") != nullptr;
    if (!gstreamer_writes) {
        (gst_debug_remove_log_function)(gst_debug_log_default);
        gst_debug_set_default_threshold(GST_LEVEL_WARNING);
    }
    (gst_debug_add_log_function)(on_message, nullptr, nullptr);
}

}  // namespace sluice::app
