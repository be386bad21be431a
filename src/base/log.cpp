#include "base/log.h"

#include <algorithm>
#include <atomic>
#include <cstdio>

#include <glib.h>

#include "base/json.h"

namespace sluice::log {
namespace {

std::atomic<Level> max_level{Level::Info};
std::atomic<Format> line_format{Format::Text};

constexpr std::string_view kNames[] = {"error", "warning", "info", "debug"};

std::string bare_or_quoted(const std::string& text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > ' ' && byte != 0x7f && c != '"' && c != '\\' && c != '=';
    });
    return plain ? text : json::quoted(text);
}

std::string timestamp() {
    GDateTime* now = g_date_time_new_now_utc();
    char* seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    char text[64];
    g_snprintf(text, sizeof text, "%s.%03dZ", seconds, g_date_time_get_microsecond(now) / 1000);
    g_free(seconds);
    g_date_time_unref(now);
    return text;
}

}  // namespace

void configure(Level level, Format format) {
    max_level = level;
    line_format = format;
}

bool enabled(Level level) {
    return level <= max_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
    if (!enabled(level))
        return;
    std::string line;
    if (line_format == Format::Json) {
        line = "{\"time\":\"" + timestamp() + "\",\"level\":\"";
        line.append(kNames[static_cast<int>(level)]).append("\",\"message\":").append(json::quoted(message));
        for (const auto& field : fields)
            if (!field.value.empty())
                line.append(",")
                    .append(json::quoted(field.key))
                    .append(":")
                    .append(json::quoted(field.value));
        line += "}\n";
    } else {
        line = timestamp();
        line.append(" ").append(kNames[static_cast<int>(level)]).append(" ").append(message);
        for (const auto& field : fields)
            if (!field.value.empty())
                line.append(" ").append(field.key).append("=").append(bare_or_quoted(field.value));
        line += '\n';
    }
    std::fwrite(line.data(), 1, line.size(),
                stderr);  // one call: stdio locks the stream, so lines stay whole
}

std::optional<Level> level_from(std::string_view name) {
    for (int i = 0; i < 4; i++)
        if (kNames[i] == name)
            return static_cast<Level>(i);
    return std::nullopt;
}

std::optional<Format> format_from(std::string_view name) {
    if (name == "text")
        return Format::Text;
    if (name == "json")
        return Format::Json;
    return std::nullopt;
}

}  // namespace sluice::log
