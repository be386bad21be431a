#include "gst/debug_threshold.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string_view>
#include <utility>

#include <gst/gst.h>

#include "base/owned.h"

namespace sluice::gst {
namespace {

constexpr size_t kMaxBytes = 4096;
constexpr std::string_view kLevels[] = {"NONE",  "ERROR", "WARNING", "FIXME",  "INFO",
                                        "DEBUG", "LOG",   "TRACE",   "MEMDUMP"};

std::string& current() {
    static std::string threshold = g_getenv("GST_DEBUG") ? g_getenv("GST_DEBUG") : "";
    return threshold;
}

std::atomic<std::shared_ptr<const DebugFilter>>& current_filter() {
    static std::atomic<std::shared_ptr<const DebugFilter>> filter;
    return filter;
}

bool is_level(std::string_view text) {
    return (text.size() == 1 && g_ascii_isdigit(text[0])) ||
           std::ranges::find(kLevels, text) != std::end(kLevels);
}

bool is_category(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return g_ascii_isalnum(c) || std::string_view("-_*?").find(c) != std::string_view::npos;
    });
}

}  // namespace

std::string debug_threshold() {
    return current();
}

// gst_debug_set_threshold_from_string() leaves out what it does not understand, without a word.
Status set_debug_threshold(const std::string& threshold, DebugFilter filter) {
    if (threshold.size() > kMaxBytes)
        return Error{ErrorCode::InvalidArgument, "has " + std::to_string(threshold.size()) +
                                                     " bytes; the limit is " + std::to_string(kMaxBytes)};
    const glib::Owned<char*, g_strfreev> parts(g_strsplit(threshold.c_str(), ",", -1));
    for (char** at = parts.get(); *at; at++) {
        const std::string_view part = *at;
        const size_t colon = part.find(':');
        const bool valid = colon == std::string_view::npos
                               ? is_level(part)
                               : is_category(part.substr(0, colon)) && is_level(part.substr(colon + 1));
        if (!valid)
            return Error{
                ErrorCode::InvalidArgument,
                "\"" + std::string(part) +
                    "\" is neither CATEGORY:LEVEL nor LEVEL; a level is 0 to 9 or one of NONE, ERROR, "
                    "WARNING, FIXME, INFO, DEBUG, LOG, TRACE, MEMDUMP"};
    }
    current_filter() = filter ? std::make_shared<const DebugFilter>(std::move(filter)) : nullptr;
    gst_debug_set_threshold_from_string(("WARNING," + threshold).c_str(), TRUE);
    current() = threshold;
    return Ok{};
}

bool debug_wanted(std::string_view path) {
    const auto filter = current_filter().load();
    return !filter || (*filter)(path);
}

}  // namespace sluice::gst
