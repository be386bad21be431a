#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::log {

/// One line per event: a time, a level, a sentence that never varies, and fields that do.
/// Any thread may write; a line is written whole. Never called per packet.
enum class Level { Error, Warning, Info, Debug };
enum class Format { Text, Json };

struct Field {
    std::string_view key;  ///< snake_case; "room", "user" and "producer" mean the same everywhere.
    std::string value;     ///< An empty one is not written.
};

/// Before any other thread exists. The default is Info and Text, to standard error.
void configure(Level level, Format format);
bool enabled(Level level);
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

std::optional<Level> level_from(std::string_view name);    ///< error, warning, info, debug
std::optional<Format> format_from(std::string_view name);  ///< text, json

inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::Error, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::Warning, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::Info, message, fields);
}
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::Debug, message, fields);
}

}  // namespace sluice::log
