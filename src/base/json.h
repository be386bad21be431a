#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// JSON text (RFC 8259) in UTF-8. What is read of it obeys I-JSON (RFC 7493) too: no name twice in an object,
/// no lone surrogate. What is only passed on need not.
///
/// Not json-glib, which is no match for what a stranger sends: 1.6.6 accepts comments, `var x =`, hexadecimal
/// and octal numbers, single quotes and a name twice, cuts a string at U+0000, overflows the stack on deep
/// nesting, and changes the numbers it echoes (12345678901234567890 becomes negative, 1.10
/// becomes 1.1000000000000001).
namespace sluice::json {

enum class Kind { Null, Boolean, Number, String, Array, Object };

struct Value {
    Kind kind = Kind::Null;
    std::string_view text;  ///< As it came; borrowed from what was parsed.
    /// Kind::Object, of parse() alone: what is within a member comes by parsing its text.
    std::map<std::string, Value, std::less<>> members;
};

/// Checks the grammar of all, however deep, and reads one level. InvalidArgument says what is wrong and at
/// which byte. `text` must outlive the value.
Result<Value> parse(std::string_view text);

/// What a string says, in valid UTF-8. InvalidArgument: it is none, or half a surrogate pair is in it.
Result<std::string> decoded(const Value& value);

/// A JSON string. `text` must be valid UTF-8 for the result to be.
std::string quoted(std::string_view text);

/// The same of a text from outside: what is not UTF-8 in it becomes U+FFFD.
std::string quoted_valid(std::string_view text);

/// An object of members that are JSON text already; one without a value is left out.
std::string object(std::initializer_list<std::pair<std::string_view, std::optional<std::string>>> members);
std::string array(const std::vector<std::string>& elements);

}  // namespace sluice::json
