#include "media/sdp/description.h"

#include <algorithm>
#include <map>

#include "media/sdp/grammar.h"

namespace sluice::media::sdp {
namespace {

constexpr size_t kMaxBytes = 256 * 1024;
constexpr size_t kMaxSections = 64;
constexpr size_t kMaxCodecs = 128;
constexpr size_t kMaxSsrcs = 64;
constexpr size_t kMaxValue = 2048;

/// What stands for a section or, above the first of them, for all.
struct Attributes {
    std::string ufrag, pwd, setup;
    std::vector<Fingerprint> fingerprints;
    std::optional<Direction> direction;
};

struct Parsed {
    Section section;
    Attributes attributes;
    bool bundle_only = false;
};

/// One pass over the lines; the first complaint stays.
class Parser {
public:
    Parser(std::string_view text, std::string field) : text_(text), field_(std::move(field)) {}

    Result<Description> parse(bool answer);

private:
    void line(std::string_view line);
    void media(std::string_view value);
    void attribute(std::string_view key, std::string_view value);
    bool transport_attribute(std::string_view key, std::string_view value);
    void section_attribute(std::string_view key, std::string_view value);
    void rtpmap(std::string_view value);
    void extmap(std::string_view value);
    void fingerprint(std::string_view value);
    void ssrc(std::string_view value);
    void group(std::string_view value);

    void check_sections();
    void check_section(const Parsed& parsed);
    void check_payload_types();
    Transport transport_of_bundle(bool answer);

    Section& section() { return sections_.back().section; }
    std::string where() const;
    void malformed(const std::string& what) { complain(ErrorCode::InvalidArgument, what); }
    void refuse(const std::string& what) { complain(ErrorCode::Unacceptable, what); }
    void complain(ErrorCode code, const std::string& what) {
        if (!error_)
            error_ = Error{code, what, field_};
    }

    std::string_view text_;
    std::string field_;
    unsigned line_number_ = 0;
    std::optional<Error> error_;
    Attributes session_;
    std::vector<Parsed> sections_;
    Description result_;
};

std::string quoted(std::string_view value) {
    return "\"" + std::string(value.substr(0, 64)) + "\"";
}

Result<Description> Parser::parse(bool answer) {
    if (text_.size() > kMaxBytes)
        return Error{
            ErrorCode::InvalidArgument,
            "is " + std::to_string(text_.size()) + " bytes long, the limit is " + std::to_string(kMaxBytes),
            field_};
    if (text_.find('\0') != std::string_view::npos)
        return Error{ErrorCode::InvalidArgument, "contains a NUL byte", field_};
    auto rest = text_;
    while (!rest.empty() && !error_) {
        auto next = take_word(rest, '\n');
        if (next.ends_with('\r'))
            next.remove_suffix(1);
        line_number_++;
        line(next);
    }
    if (!error_)
        check_sections();
    if (!error_)
        result_.transport = transport_of_bundle(answer);
    if (error_)
        return *error_;
    for (auto& parsed : sections_) result_.sections.push_back(std::move(parsed.section));
    return std::move(result_);
}

std::string Parser::where() const {
    return "line " + std::to_string(line_number_);
}

void Parser::line(std::string_view line) {
    if (line_number_ == 1) {
        if (line != "v=0")
            malformed("is not SDP: it does not begin with \"v=0\"");
        return;
    }
    if (line.empty())
        return;
    if (line.size() < 2 || line[0] < 'a' || line[0] > 'z' || line[1] != '=')
        return malformed(where() + " is not of the form \"x=...\": " + quoted(line));
    auto value = line.substr(2);
    switch (line[0]) {
        case 'o': {
            const auto fields = words(value);
            if (fields.size() != 6 || !is_token(fields[1]))
                return malformed(where() + ": o= needs six fields: " + quoted(value));
            result_.session_id = fields[1];
            break;
        }
        case 'm':
            media(value);
            break;
        case 'a': {
            const auto key = take_word(value, ':');
            attribute(key, value);
            break;
        }
        default:
            break;
    }
}

void Parser::media(std::string_view value) {
    if (sections_.size() == kMaxSections)
        return refuse("has more than " + std::to_string(kMaxSections) + " m-sections");
    Parsed parsed;
    auto& section = parsed.section;
    section.media = take_word(value);
    const auto port = number<uint16_t>(take_word(value, ' '));
    section.protocol = take_word(value);
    section.formats = value;
    if (!is_token(section.media) || !port || !is_printable(section.protocol, 64) ||
        section.protocol.empty() || !is_printable(section.formats, kMaxValue) || section.formats.empty())
        return malformed(where() + ": m= needs media, port, protocol and formats");
    section.rejected = *port == 0;
    if (section.media == "audio")
        section.kind = Kind::Audio;
    else if (section.media == "video")
        section.kind = Kind::Video;
    if (section.kind)
        for (const auto& format : words(section.formats)) {
            const auto type = number<int>(format);
            if (!type || *type < 0 || *type > 127)
                return refuse(where() + ": payload type " + quoted(format) +
                              " is not a number from 0 to 127");
            if (section.codecs.size() == kMaxCodecs)
                return refuse(where() + ": more than " + std::to_string(kMaxCodecs) + " payload types");
            section.codecs.push_back({.payload_type = *type, .name = {}, .fmtp = {}, .feedback = {}});
        }
    sections_.push_back(std::move(parsed));
}

void Parser::attribute(std::string_view key, std::string_view value) {
    if (transport_attribute(key, value))
        return;
    if (!sections_.empty())
        section_attribute(key, value);
    else if (key == "group")
        group(value);
}

bool Parser::transport_attribute(std::string_view key, std::string_view value) {
    auto& to = sections_.empty() ? session_ : sections_.back().attributes;
    if (key == "ice-ufrag") {
        if (!is_ice_chars(value, 4, 256))
            refuse(where() + ": ice-ufrag must be 4 to 256 letters, digits, + or /");
        to.ufrag = value;
    } else if (key == "ice-pwd") {
        if (!is_ice_chars(value, 22, 256))
            refuse(where() + ": ice-pwd must be 22 to 256 letters, digits, + or /");
        to.pwd = value;
    } else if (key == "setup") {
        if (value != "actpass" && value != "active" && value != "passive")
            refuse(where() + ": setup " + quoted(value) + " is not actpass, active or passive");
        to.setup = value;
    } else if (key == "fingerprint")
        fingerprint(value);
    else if (key == "sendrecv")
        to.direction = Direction::SendRecv;
    else if (key == "sendonly")
        to.direction = Direction::SendOnly;
    else if (key == "recvonly")
        to.direction = Direction::RecvOnly;
    else if (key == "inactive")
        to.direction = Direction::Inactive;
    else
        return false;
    return true;
}

void Parser::fingerprint(std::string_view value) {
    static const std::map<std::string, size_t, std::less<>> kBytes = {
        {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
    const auto algorithm = lower(take_word(value));
    const auto known = kBytes.find(algorithm);
    if (known == kBytes.end())
        return;  // others may stand beside; that one we know is there is checked later
    const auto hex = upper(value);
    bool fits = hex.size() == known->second * 3 - 1;
    for (size_t i = 0; fits && i < hex.size(); i++)
        fits =
            i % 3 == 2 ? hex[i] == ':' : (hex[i] >= '0' && hex[i] <= '9') || (hex[i] >= 'A' && hex[i] <= 'F');
    if (!fits)
        return refuse(where() + ": a " + algorithm + " fingerprint is " + std::to_string(known->second) +
                      " hexadecimal pairs with colons");
    auto& to = sections_.empty() ? session_ : sections_.back().attributes;
    if (to.fingerprints.size() < 8)
        to.fingerprints.push_back({algorithm, hex});
}

void Parser::group(std::string_view value) {
    if (take_word(value) != "BUNDLE" || !result_.bundle.empty())
        return;
    for (const auto& mid : words(value)) result_.bundle.emplace_back(mid);
}

void Parser::section_attribute(std::string_view key, std::string_view value) {
    auto& to = section();
    if (key == "mid") {
        if (!is_token(value))
            refuse(where() + ": mid " + quoted(value) + " is not a token");
        to.mid = value;
    } else if (key == "bundle-only") {
        sections_.back().bundle_only = true;
        to.rejected = false;
    } else if (key == "rtcp-mux")
        to.rtcp_mux = true;
    else if (key == "rtcp-rsize")
        to.rtcp_rsize = true;
    else if (key == "rtpmap")
        rtpmap(value);
    else if (key == "fmtp" || key == "rtcp-fb") {
        const auto type = take_word(value);
        if (!is_printable(value, kMaxValue))
            return refuse(where() + ": " + std::string(key) + " is not printable ASCII of at most " +
                          std::to_string(kMaxValue) + " characters");
        const auto payload_type = type == "*" ? -1 : number<int>(type).value_or(-2);
        for (auto& codec : to.codecs)
            if (codec.payload_type == payload_type && key == "fmtp")
                codec.fmtp = value;
            else if ((codec.payload_type == payload_type || payload_type == -1) && codec.feedback.size() < 16)
                codec.feedback.emplace_back(value);
    } else if (key == "extmap")
        extmap(value);
    else if (key == "ssrc")
        ssrc(value);
    else if (key == "ssrc-group") {
        if (take_word(value) != "FID")
            return;
        const auto pair = words(value);
        const auto media = pair.size() == 2 ? number<uint32_t>(pair[0]) : std::nullopt;
        const auto rtx = pair.size() == 2 ? number<uint32_t>(pair[1]) : std::nullopt;
        if (!media || !rtx)
            return refuse(where() + ": ssrc-group:FID needs two SSRCs");
        if (to.fid.size() < kMaxSsrcs)
            to.fid.emplace_back(*media, *rtx);
    } else if (key == "msid" && is_printable(value, 256))
        to.msid = value;
}

void Parser::rtpmap(std::string_view value) {
    const auto payload_type = number<int>(take_word(value));
    const auto name = take_word(value, '/');
    const auto clock_rate = number<uint32_t>(take_word(value, '/'));
    const auto channels = value.empty() ? 0 : number<int>(value).value_or(0);
    if (!payload_type || !is_token(name) || !clock_rate || *clock_rate == 0)
        return refuse(where() + ": rtpmap needs a payload type and name/clock-rate");
    for (auto& codec : section().codecs)
        if (codec.payload_type == *payload_type) {
            codec.name = name;
            codec.clock_rate = *clock_rate;
            codec.channels = channels;
        }
}

/// RFC 8285 section 5: id, perhaps "/direction", URI, perhaps attributes.
void Parser::extmap(std::string_view value) {
    auto first = take_word(value);
    const auto uri = take_word(value);
    const auto id = number<int>(take_word(first, '/'));
    if (!id || *id < 1 || *id > 4351 || *id == 15 || uri.empty() || !is_printable(uri, 256))
        return refuse(where() + ": extmap needs an id from 1 to 255 without 15, and a URI");
    if (*id > 255 || (!first.empty() && first != "sendrecv" && first != "sendonly"))
        return;  // offered without an id yet (RFC 8285 section 6), or not sent
    auto& extensions = section().extensions;
    if (std::ranges::count(extensions, *id, &HeaderExtension::id) > 0)
        return refuse(where() + ": extmap id " + std::to_string(*id) + " is used twice in one section");
    extensions.push_back({*id, std::string(uri)});
}

void Parser::ssrc(std::string_view value) {
    const auto id = number<uint32_t>(take_word(value));
    if (!id)
        return refuse(where() + ": ssrc is not a number below 2^32");
    auto& ssrcs = section().ssrcs;
    if (std::ranges::count(ssrcs, *id) == 0 && ssrcs.size() < kMaxSsrcs)
        ssrcs.push_back(*id);
}

void Parser::check_sections() {
    if (line_number_ == 0)
        return malformed("is empty");
    if (result_.session_id.empty())
        return malformed("has no o= line");
    if (sections_.empty())
        return refuse("has no m-section");
    std::vector<std::string> mids;
    for (auto& parsed : sections_) {
        auto& section = parsed.section;
        section.direction =
            parsed.attributes.direction.value_or(session_.direction.value_or(Direction::SendRecv));
        if (section.rejected && section.mid.empty())
            continue;
        if (section.mid.empty())
            return refuse("an m-section (" + section.media + ") has no a=mid");
        if (std::ranges::count(mids, section.mid) > 0)
            return refuse("mid " + quoted(section.mid) + " is used twice");
        mids.push_back(section.mid);
    }
    for (const auto& mid : result_.bundle)
        if (std::ranges::count(mids, mid) == 0)
            return refuse("a=group:BUNDLE names " + quoted(mid) + ", which no m-section has");
    for (const auto& parsed : sections_)
        if (!parsed.section.rejected)
            check_section(parsed);
    check_payload_types();
}

void Parser::check_section(const Parsed& parsed) {
    const auto& section = parsed.section;
    const auto name = "m-section " + quoted(section.mid) + " (" + section.media + ") ";
    if (std::ranges::count(result_.bundle, section.mid) == 0)
        return refuse(name + "is not in a=group:BUNDLE; all of a session must be bundled");
    if (!section.kind)
        return;
    static constexpr std::string_view kProfiles[] = {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP",
                                                     "TCP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVP",
                                                     "RTP/SAVPF",         "RTP/SAVP"};
    if (std::ranges::count(kProfiles, section.protocol) == 0)
        return refuse(name + "has protocol " + quoted(section.protocol) + ", not UDP/TLS/RTP/SAVPF");
    if (!section.rtcp_mux)
        refuse(name + "has no a=rtcp-mux");
}

/// RFC 8843 section 9.1: in one bundle a payload type means one thing.
void Parser::check_payload_types() {
    std::map<int, const Codec*> seen;
    for (const auto& parsed : sections_) {
        if (parsed.section.rejected)
            continue;
        for (const auto& codec : parsed.section.codecs) {
            if (codec.name.empty())
                continue;
            const auto [at, fresh] = seen.emplace(codec.payload_type, &codec);
            const auto& other = *at->second;
            if (!fresh &&
                (!equals_ignoring_case(other.name, codec.name) || other.clock_rate != codec.clock_rate))
                return refuse("payload type " + std::to_string(codec.payload_type) + " is both " +
                              other.name + " and " + codec.name);
        }
    }
}

/// The one of the bundle's first live section (RFC 8843 section 7.2).
Transport Parser::transport_of_bundle(bool answer) {
    for (const auto& mid : result_.bundle) {
        const auto tagged = std::ranges::find_if(sections_, [&](const Parsed& p) {
            return p.section.mid == mid && !p.section.rejected && !p.bundle_only;
        });
        if (tagged == sections_.end())
            continue;
        const auto& own = tagged->attributes;
        const Transport transport{
            .ufrag = own.ufrag.empty() ? session_.ufrag : own.ufrag,
            .pwd = own.pwd.empty() ? session_.pwd : own.pwd,
            .fingerprints = own.fingerprints.empty() ? session_.fingerprints : own.fingerprints,
            .setup = own.setup.empty() ? session_.setup : own.setup};
        const auto name = "m-section " + quoted(mid) + " ";
        if (transport.ufrag.empty() || transport.pwd.empty())
            refuse(name + "has no ICE credentials (a=ice-ufrag, a=ice-pwd)");
        else if (transport.fingerprints.empty())
            refuse(name + "has no a=fingerprint of a known hash (sha-256, sha-1, sha-224, sha-384, sha-512)");
        else if (transport.setup.empty())
            refuse(name + "has no a=setup");
        else if (answer && transport.setup == "actpass")
            refuse(name + "answers setup:actpass; an answer is active or passive");
        return transport;
    }
    refuse(answer ? "accepts no m-section" : "has no live m-section");
    return {};
}

}  // namespace

const char* to_string(Kind kind) {
    return kind == Kind::Audio ? "audio" : "video";
}

const char* to_string(Direction direction) {
    switch (direction) {
        case Direction::SendRecv:
            return "sendrecv";
        case Direction::SendOnly:
            return "sendonly";
        case Direction::RecvOnly:
            return "recvonly";
        case Direction::Inactive:
            return "inactive";
    }
    return "inactive";
}

bool Section::sends() const {
    return kind && !rejected && (direction == Direction::SendRecv || direction == Direction::SendOnly);
}

Result<Description> parse_offer(std::string_view text) {
    return Parser(text, "offer.sdp").parse(false);
}

Result<Description> parse_answer(std::string_view text) {
    return Parser(text, "answer.sdp").parse(true);
}

}  // namespace sluice::media::sdp
