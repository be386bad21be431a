#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// JSON text (RFC 8259) under the rules of I-JSON (RFC 7493): UTF-8, no name twice in an object, no lone
/// surrogate.
///
/// Not json-glib, which is no match for what a stranger sends: 1.6.6 accepts comments, `var x =`, hexadecimal
/// and octal numbers, single quotes and a name twice, cuts a string at U+0000, overflows the stack on deep
/// nesting, and changes the numbers it echoes (12345678901234567890 becomes negative, 1.10
/// becomes 1.1000000000000001).
namespace sluice::json {

inline constexpr int kMaxDepth =
    64;  ///< Arrays and objects within each other; bounds the parser's recursion.

enum class Kind { Null, Boolean, Number, String, Array, Object };

/// Elements of arrays are checked but not kept: nobody reads one.
struct Value {
    Kind kind = Kind::Null;
    std::string_view text;                              ///< As it came; borrowed from what was parsed.
    std::string string;                                 ///< Kind::String: decoded, valid UTF-8.
    std::map<std::string, Value, std::less<>> members;  ///< Kind::Object.
};

/// InvalidArgument says what is wrong and at which byte. `text` must outlive the value.
Result<Value> parse(std::string_view text);

/// A JSON string. `text` must be valid UTF-8 for the result to be.
std::string quoted(std::string_view text);

/// The same of a text from outside: what is not UTF-8 in it becomes U+FFFD.
std::string quoted_valid(std::string_view text);

/// An object of members that are JSON text already; one without a value is left out.
std::string object(std::initializer_list<std::pair<std::string_view, std::optional<std::string>>> members);
std::string array(const std::vector<std::string>& elements);

}  // namespace sluice::json
