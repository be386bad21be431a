#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace sluice {

/// Reads one JSON object by member, keeping every complaint with its path ("offer.sdp").
/// Call finish() last: it also refuses members nobody asked for. Borrows the text of the value.
class FieldReader {
public:
    explicit FieldReader(json::Value value);

    /// Required; never holds U+0000, which would cut it short in C.
    std::string string(const char* name);
    std::optional<bool> boolean(const char* name);
    /// A string, or an integer as its decimal digits.
    std::optional<std::string> id(const char* name);
    /// Any value, as the text it came as.
    std::optional<std::string> text(const char* name, size_t max_bytes);
    std::optional<FieldReader> object(const char* name);
    bool has(const char* name) const;
    /// A complaint of the caller's own about a member: "must be ...".
    void fail(std::string_view name, std::string_view complaint);

    /// Ok, or the first complaint.
    Status finish();

private:
    FieldReader(json::Value value, std::string path, std::shared_ptr<std::vector<Error>> errors);
    const json::Value* take(const char* name);
    /// A Kind::String; empty with a complaint when it is no text.
    std::string decode(const char* name, const json::Value& value);

    json::Value object_;  ///< Without members when it is none.
    std::string path_;    ///< Of the object: empty, or "offer."
    std::set<std::string, std::less<>> seen_;
    std::shared_ptr<std::vector<Error>> errors_;
};

}  // namespace sluice
