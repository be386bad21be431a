#include "base/json.h"

#include <array>
#include <cstdint>

#include <glib.h>

#include "base/owned.h"

namespace sluice::json {
namespace {

constexpr std::string_view kDigits = "0123456789";

std::string utf8(gunichar character) {
    std::array<char, 6> bytes;
    return {bytes.data(), static_cast<size_t>(g_unichar_to_utf8(character, bytes.data()))};
}

Kind kind_of(char first) {
    switch (first) {
        case '{':
            return Kind::Object;
        case '[':
            return Kind::Array;
        case '"':
            return Kind::String;
        case 't':
        case 'f':
            return Kind::Boolean;
        case 'n':
            return Kind::Null;
        default:
            return Kind::Number;
    }
}

/// Reads text that is valid UTF-8 from left to right. The first complaint ends it; each step then returns
/// false.
class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Value> document() {
        Value value;
        if (read_value(value) && at_end())
            return value;
        return error();
    }
    Result<std::string> string() {
        std::string out;
        if (read_string(&out))
            return out;
        return error();
    }

private:
    Error error() const { return {ErrorCode::InvalidArgument, fault_ + " at byte " + std::to_string(at_)}; }
    bool fail(std::string fault) {
        fault_ = std::move(fault);
        return false;
    }
    char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(char wanted) {
        if (peek() != wanted)
            return false;
        at_++;
        return true;
    }
    void skip_space() { at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size()); }
    bool at_end() {
        skip_space();
        return at_ == text_.size() || fail("something follows the value");
    }

    bool read_value(Value& value) {
        skip_space();
        const size_t start = at_;
        value.kind = kind_of(peek());
        const bool read = value.kind == Kind::Object ? read_members(value) : skip_value();
        value.text = text_.substr(start, at_ - start);
        return read;
    }

    bool read_members(Value& object) {
        at_++;
        skip_space();
        if (take('}'))
            return true;
        do {
            std::string name;
            if (!read_name(&name))
                return false;
            const auto [member, is_new] = object.members.try_emplace(std::move(name));
            if (!is_new)
                return fail("the member '" + member->first + "' a second time");
            skip_space();
            const size_t start = at_;
            member->second.kind = kind_of(peek());
            if (!skip_value())
                return false;
            member->second.text = text_.substr(start, at_ - start);
            skip_space();
        } while (take(','));
        return take('}') || fail("no ',' or '}'");
    }

    /// In a loop, as what a stranger nests must not use up the stack.
    bool skip_value() {
        std::string open;  // The brackets that are to come.
        do {
            skip_space();
            const char bracket = peek() == '{' ? '}' : peek() == '[' ? ']' : '\0';
            if (bracket) {
                at_++;
                open += bracket;
                skip_space();
            } else if (!skip_simple()) {
                return false;
            }
            if (!bracket || peek() == bracket) {
                if (!skip_ends(open))
                    return false;
            } else if (bracket == '}' && !read_name(nullptr)) {
                return false;
            }
        } while (!open.empty());
        return true;
    }

    /// What follows a value: the ends of what it is the last of, and then a comma, behind which another one
    /// begins.
    bool skip_ends(std::string& open) {
        while (!open.empty()) {
            skip_space();
            if (!take(open.back()))
                break;
            open.pop_back();
        }
        if (open.empty())
            return true;
        if (!take(','))
            return fail(std::string("no ',' or '") + open.back() + "'");
        return open.back() == ']' || read_name(nullptr);
    }

    bool skip_simple() {
        switch (peek()) {
            case '"':
                return read_string(nullptr);
            case 't':
                return read_word("true");
            case 'f':
                return read_word("false");
            case 'n':
                return read_word("null");
            default:
                return read_number();
        }
    }

    /// With its colon.
    bool read_name(std::string* out) {
        skip_space();
        if (peek() != '"')
            return fail("no member name");
        if (!read_string(out))
            return false;
        skip_space();
        return take(':') || fail("no ':'");
    }

    bool read_word(std::string_view word) {
        if (text_.substr(at_, word.size()) != word)
            return fail("no JSON value");
        at_ += word.size();
        return true;
    }

    bool read_digits() {
        const size_t start = at_;
        at_ = std::min(text_.find_first_not_of(kDigits, at_), text_.size());
        return at_ > start || fail("no JSON value");
    }

    bool read_number() {
        take('-');
        if (!take('0') && !read_digits())
            return false;
        if (take('.') && !read_digits())
            return false;
        if (!take('e') && !take('E'))
            return true;
        if (!take('+'))
            take('-');
        return read_digits();
    }

    /// Null: checks its grammar.
    bool read_string(std::string* out) {
        at_++;
        while (true) {
            const size_t start = at_;
            while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
                   static_cast<unsigned char>(text_[at_]) >= 0x20)
                at_++;
            if (out)
                *out += text_.substr(start, at_ - start);
            if (at_ == text_.size())
                return fail("a string without an end");
            if (take('"'))
                return true;
            if (!take('\\'))
                return fail("a bare control character in a string");
            if (!read_escape(out))
                return false;
        }
    }

    bool read_escape(std::string* out) {
        constexpr std::string_view kLetters = "\"\\/bfnrt";
        constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
        if (const size_t i = kLetters.find(peek()); peek() != '\0' && i != std::string_view::npos) {
            at_++;
            if (out)
                *out += kMeanings[i];
            return true;
        }
        uint16_t unit = 0;
        if (!take('u') || !read_hex(unit))
            return fail("an unknown escape in a string");
        if (!out)
            return true;
        gunichar character = unit;
        if (unit >= 0xd800 && unit < 0xe000) {
            uint16_t low = 0;
            if (unit >= 0xdc00 || !take('\\') || !take('u') || !read_hex(low) || low < 0xdc00 ||
                low >= 0xe000)
                return fail("half a surrogate pair in a string");
            character = 0x10000 + ((unit - 0xd800u) << 10) + (low - 0xdc00u);
        }
        *out += utf8(character);
        return true;
    }

    bool read_hex(uint16_t& unit) {
        for (int i = 0; i < 4; i++, at_++) {
            const int digit = g_ascii_xdigit_value(peek());
            if (digit < 0)
                return false;
            unit = static_cast<uint16_t>(unit << 4 | digit);
        }
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
    std::string fault_;
};

}  // namespace

Result<Value> parse(std::string_view text) {
    const char* end = nullptr;
    if (!g_utf8_validate_len(text.data(), text.size(), &end))
        return Error{ErrorCode::InvalidArgument,
                     "not UTF-8, or U+0000, at byte " + std::to_string(end - text.data())};
    return Parser(text).document();
}

Result<std::string> decoded(const Value& value) {
    if (value.kind != Kind::String)
        return Error{ErrorCode::InvalidArgument, "no string"};
    return Parser(value.text).string();
}

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
            std::array<char, 8> escape;
            g_snprintf(escape.data(), escape.size(), "\\u%04x", byte);
            out += escape.data();
        } else
            out += c;
    }
    return out + '"';
}

std::string quoted_valid(std::string_view text) {
    const glib::OwnedString valid(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
    return quoted(valid.get());
}

std::string object(std::initializer_list<std::pair<std::string_view, std::optional<std::string>>> members) {
    std::string out;
    for (const auto& [name, value] : members)
        if (value)
            out.append(out.empty() ? "{" : ",").append(quoted(name)).append(":").append(*value);
    return out.empty() ? "{}" : out + "}";
}

std::string array(const std::vector<std::string>& elements) {
    std::string out;
    for (const auto& element : elements) out.append(out.empty() ? "[" : ",").append(element);
    return out.empty() ? "[]" : out + "]";
}

}  // namespace sluice::json
