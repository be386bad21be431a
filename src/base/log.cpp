#include "base/log.h"

#include <atomic>
#include <cstdio>

#include <glib.h>

namespace sluice::log {
namespace {

std::atomic<Level> max_level{Level::Info};
std::atomic<Format> line_format{Format::Text};

constexpr std::string_view kNames[] = {"error", "warning", "info", "debug"};

/// Quoted where a reader or a parser would stumble; JSON's rules serve both formats.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (byte < 0x20 || byte == 0x7f) {
            char escape[8];
            g_snprintf(escape, sizeof escape, "\\u%04x", byte);
            out += escape;
        } else
            out += c;
    }
    return out + '"';
}

std::string bare_or_quoted(const std::string& text) {
    const bool plain = !text.empty() && text.find_first_of(" \"\\=\n\r\t") == std::string::npos &&
                       std::string_view(text).find_first_of("\x7f") == std::string::npos;
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20)
            return quoted(text);
    return plain ? text : quoted(text);
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
        line.append(kNames[static_cast<int>(level)]).append("\",\"message\":").append(quoted(message));
        for (const auto& field : fields)
            line.append(",").append(quoted(field.key)).append(":").append(quoted(field.value));
        line += "}\n";
    } else {
        line = timestamp();
        line.append(" ").append(kNames[static_cast<int>(level)]).append(" ").append(message);
        for (const auto& field : fields)
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
