#include <algorithm>

#include <glib.h>

#include "media/sdp/grammar.h"
#include "media/sdp/parsed.h"

namespace sluice::media::sdp {
namespace {

constexpr size_t kMaxBytes = 256 * 1024;
constexpr size_t kMaxSections = 64;
constexpr size_t kMaxFormats = 2048;
/// RFC 8866 section 5.2 recommends 64 bits; some write more digits.
constexpr size_t kMaxSessionId = 32;

Status read_origin(Parsed& to, std::string_view value) {
    const auto fields = words(value);
    if (fields.size() != 6)
        return malformed("o= has " + std::to_string(fields.size()) +
                         " fields, six are needed: " + quoted(value));
    if (!is_digits(fields[1], kMaxSessionId))
        return malformed("o= has session id " + quoted(fields[1]) + ", a decimal number is needed");
    to.session_id = fields[1];
    return Ok{};
}

/// RFC 5761 section 4: these would be taken for RTCP packets.
bool looks_like_rtcp(int payload_type) {
    return payload_type >= 64 && payload_type <= 95;
}

Status read_payload_types(Section& section) {
    for (const auto format : words(section.formats)) {
        const auto type = number<int>(format);
        if (!type || *type < 0 || *type > 127)
            return unacceptable("payload type " + quoted(format) + " is not a number from 0 to 127");
        if (looks_like_rtcp(*type))
            return unacceptable("payload type " + std::to_string(*type) +
                                " cannot be told from RTCP; rtcp-mux leaves 0 to 63 and 96 to 127");
        if (std::ranges::count(section.codecs, *type, &Codec::payload_type) > 0)
            return unacceptable("payload type " + std::to_string(*type) + " stands twice in the m-line");
        section.codecs.push_back({.payload_type = *type, .name = {}, .fmtp = {}, .feedback = {}});
    }
    return Ok{};
}

Status read_media(Parsed& to, std::string_view value) {
    if (to.sections.size() == kMaxSections)
        return unacceptable("there are more than " + std::to_string(kMaxSections) + " m-sections");
    const auto whole = value;
    auto& parsed = to.sections.emplace_back();
    auto& section = parsed.section;
    section.media = take_word(value);
    const auto port = number<uint16_t>(take_word(value));
    section.protocol = take_word(value);
    section.formats = value;
    if (!is_token(section.media) || !port || !is_protocol(section.protocol) ||
        section.formats.size() > kMaxFormats || words(value).empty() ||
        !std::ranges::all_of(words(value), [](auto format) { return is_token(format); }))
        return malformed("m= needs media, port, protocol and formats: " + quoted(whole));
    parsed.port_is_zero = *port == 0;
    if (section.media == "audio")
        section.kind = Kind::Audio;
    else if (section.media == "video")
        section.kind = Kind::Video;
    return section.kind ? read_payload_types(section) : Ok{};
}

Status read_group(Parsed& to, std::string_view value) {
    if (take_word(value) != "BUNDLE" || !to.bundle.empty())
        return Ok{};
    for (const auto mid : words(value)) {
        if (!is_token(mid))
            return unacceptable("a=group:BUNDLE names mid " + quoted(mid) + ", which is not a token");
        if (to.bundle.size() == kMaxSections)
            return unacceptable("a=group:BUNDLE names more than " + std::to_string(kMaxSections) + " mids");
        to.bundle.emplace_back(mid);
    }
    return Ok{};
}

Status read_attribute(Parsed& to, std::string_view value) {
    const auto key = take_word(value, ':');
    const bool in_section = !to.sections.empty();
    auto& inherited = in_section ? to.sections.back().own : to.session;
    const auto known = read_inherited_attribute(inherited, key, value);
    if (!known)
        return known.error();
    if (*known)
        return Ok{};
    if (in_section)
        return read_section_attribute(to.sections.back(), key, value);
    return key == "group" ? read_group(to, value) : Ok{};
}

Status read_line(Parsed& to, std::string_view line) {
    if (line.size() < 2 || !g_ascii_islower(line[0]) || line[1] != '=')
        return malformed("not of the form \"x=value\": " + quoted(line));
    if (std::ranges::any_of(line, [](char c) { return g_ascii_iscntrl(c) && c != '\t'; }))
        return malformed("there is a control character: " + quoted(line));
    const auto value = line.substr(2);
    switch (line[0]) {
        case 'o':
            return read_origin(to, value);
        case 'm':
            return read_media(to, value);
        case 'a':
            return read_attribute(to, value);
        default:
            return Ok{};
    }
}

std::string_view take_line(std::string_view& text) {
    auto line = take_word(text, '\n');
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

std::string place(size_t line_number, const Parsed& parsed) {
    const auto line = "line " + std::to_string(line_number);
    return parsed.sections.empty()
               ? line
               : line + ", " + name_of(parsed.sections.back().section, parsed.sections.size() - 1);
}

}  // namespace

std::string name_of(const Section& section, size_t index) {
    auto name = "m-section " + std::to_string(index) + " (" + section.media;
    if (!section.mid.empty())
        name += ", mid " + quoted(section.mid);
    return name + ")";
}

Result<Parsed> read_lines(std::string_view text) {
    if (text.size() > kMaxBytes)
        return malformed(std::to_string(text.size()) + " bytes long; at most " + std::to_string(kMaxBytes) +
                         " are allowed");
    if (text.find('\0') != std::string_view::npos)
        return malformed("there is a NUL byte");
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    if (const auto first = take_line(text); first != "v=0")
        return malformed("not SDP: begins with " + quoted(first) + ", not with \"v=0\"");
    Parsed parsed;
    for (size_t line_number = 2; !text.empty(); line_number++)
        if (const auto read = read_line(parsed, take_line(text)); !read)
            return Error{read.error().code, place(line_number, parsed) + ": " + read.error().message};
    if (parsed.session_id.empty())
        return malformed("not SDP: there is no o= line");
    return parsed;
}

}  // namespace sluice::media::sdp
