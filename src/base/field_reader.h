#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <json-glib/json-glib.h>

#include "base/result.h"

namespace sluice {

/// Reads one JSON object by field, keeping every complaint with its path ("codecs[1].clockRate").
/// Call finish() last: it also rejects fields nobody asked for. Borrows the node; does not own it.
class FieldReader {
public:
    explicit FieldReader(JsonNode* node);

    std::string string(const char* name);
    std::string string_or(const char* name, std::string fallback);
    int64_t integer(const char* name, int64_t min, int64_t max);
    int64_t integer_or(const char* name, int64_t fallback, int64_t min, int64_t max);
    bool boolean_or(const char* name, bool fallback);
    FieldReader object(const char* name);
    std::vector<FieldReader> objects(const char* name);

    /// Ok, or the first error in document order of reading.
    Status finish();

private:
    FieldReader(JsonNode* node, std::string path, std::shared_ptr<std::vector<Error>> errors);
    JsonNode* take(const char* name, bool required);
    void fail(const std::string& path, std::string message);
    std::string path_of(std::string_view name) const;

    JsonObject* object_ = nullptr;
    std::string path_;
    std::set<std::string, std::less<>> seen_;
    std::shared_ptr<std::vector<Error>> errors_;
};

}  // namespace sluice
