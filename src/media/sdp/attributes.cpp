#include <algorithm>

#include <glib.h>

#include "media/sdp/grammar.h"
#include "media/sdp/parsed.h"

namespace sluice::media::sdp {
namespace {

constexpr size_t kMaxFingerprints = 8;
constexpr size_t kMaxSsrcs = 64;
constexpr size_t kMaxFmtp = 2048;
constexpr size_t kMaxFeedback = 32;  ///< Characters of one value.
constexpr size_t kMaxFeedbackPerCodec = 16;
constexpr size_t kMaxUri = 256;
constexpr size_t kMaxCandidates = 64;
constexpr size_t kMaxCandidate = 256;

Status read_ice(std::string& to, std::string_view key, std::string_view value, size_t min) {
    constexpr size_t kMax = 256;
    if (value.size() < min || value.size() > kMax || !is_ice_chars(value))
        return unacceptable(std::string(key) + " " + quoted(value) + " is not " + std::to_string(min) +
                            " to " + std::to_string(kMax) + " letters, digits, + or /");
    to = value;
    return Ok{};
}

Status read_fingerprint(Inherited& to, std::string_view value) {
    static constexpr std::pair<std::string_view, size_t> kBytes[] = {
        {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
    const auto algorithm = lower(take_word(value));
    const auto known = std::ranges::find(kBytes, algorithm, [](const auto& entry) { return entry.first; });
    if (known == std::end(kBytes))
        return Ok{};  // others may stand beside; check() sees to it that one of ours is there
    const auto hex = upper(value);
    bool fits = hex.size() == known->second * 3 - 1;
    for (size_t i = 0; fits && i < hex.size(); i++)
        fits = i % 3 == 2 ? hex[i] == ':' : g_ascii_isxdigit(hex[i]);
    if (!fits)
        return unacceptable("fingerprint " + quoted(value) + " is not the " + std::to_string(known->second) +
                            " hexadecimal pairs, with colons, of " + algorithm);
    if (to.fingerprints.size() == kMaxFingerprints)
        return unacceptable("there are more than " + std::to_string(kMaxFingerprints) + " fingerprints");
    to.fingerprints.push_back({algorithm, hex});
    return Ok{};
}

Status read_rtpmap(Section& to, std::string_view value) {
    const auto whole = value;
    const auto payload_type = number<int>(take_word(value));
    const auto name = take_word(value, '/');
    const auto clock_rate = number<uint32_t>(take_word(value, '/'));
    const auto channels = value.empty() ? 0 : number<uint8_t>(value);
    if (!payload_type || !is_token(name, 64) || !clock_rate || *clock_rate == 0 || !channels)
        return unacceptable("rtpmap " + quoted(whole) +
                            " is not a payload type and name/clock-rate[/channels]");
    const auto codec = std::ranges::find(to.codecs, *payload_type, &Codec::payload_type);
    if (codec == to.codecs.end())
        return Ok{};
    if (!codec->name.empty())
        return unacceptable("payload type " + std::to_string(*payload_type) + " has a second rtpmap, " +
                            quoted(whole));
    codec->name = name;
    codec->clock_rate = *clock_rate;
    codec->channels = *channels;
    return Ok{};
}

Status read_fmtp(Section& to, std::string_view value) {
    const auto payload_type = number<int>(take_word(value));
    if (!payload_type || !is_printable(value, kMaxFmtp))
        return unacceptable("fmtp " + quoted(value) + " is not a payload type and at most " +
                            std::to_string(kMaxFmtp) + " printable characters");
    const auto codec = std::ranges::find(to.codecs, *payload_type, &Codec::payload_type);
    if (codec != to.codecs.end())
        codec->fmtp = value;
    return Ok{};
}

Status read_feedback(Section& to, std::string_view value) {
    const auto type = take_word(value);
    const auto payload_type = number<int>(type);
    if (!payload_type && type != "*")
        return unacceptable("rtcp-fb is for " + quoted(type) + ", a payload type or \"*\" is needed");
    if (!is_printable(value, kMaxFeedback))
        return Ok{};  // longer than any that we know
    for (auto& codec : to.codecs)
        if ((!payload_type || codec.payload_type == *payload_type) &&
            codec.feedback.size() < kMaxFeedbackPerCodec && std::ranges::count(codec.feedback, value) == 0)
            codec.feedback.emplace_back(value);
    return Ok{};
}

/// RFC 8285 section 5: id, perhaps "/direction", URI, perhaps attributes.
Status read_extension(Section& to, std::string_view value) {
    auto first = take_word(value);
    const auto uri = take_word(value);
    const auto id = number<int>(take_word(first, '/'));
    constexpr int kMaxId = 255;
    // Offered without an id yet (RFC 8285 section 6).
    const bool unassigned = id && *id >= 4096 && *id <= 4351;
    if (!id || ((*id < 1 || *id > kMaxId) && !unassigned))
        return unacceptable("extmap of " + quoted(uri) + " needs an id from 1 to 255");
    if (uri.empty() || !is_printable(uri, kMaxUri))
        return unacceptable("extmap " + std::to_string(*id) + " needs a URI of at most " +
                            std::to_string(kMaxUri) + " printable characters");
    const bool is_sent = first.empty() || first == "sendrecv" || first == "sendonly";
    if (unassigned || !is_sent)
        return Ok{};
    if (std::ranges::count(to.extensions, *id, &HeaderExtension::id) > 0)
        return unacceptable("extmap id " + std::to_string(*id) + " is used twice");
    to.extensions.push_back({*id, std::string(uri)});
    return Ok{};
}

/// RFC 3550 allows 0 too, but to webrtcbin 1.22 it is none.
std::optional<uint32_t> ssrc_of(std::string_view text) {
    const auto ssrc = number<uint32_t>(text);
    return ssrc == 0u ? std::nullopt : ssrc;
}

Status read_ssrc(Section& to, std::string_view value) {
    const auto text = take_word(value);
    const auto id = ssrc_of(text);
    if (!id)
        return unacceptable("ssrc " + quoted(text) + " is not a number from 1 to 2^32 - 1");
    if (std::ranges::count(to.ssrcs, *id) > 0)
        return Ok{};
    if (to.ssrcs.size() == kMaxSsrcs)
        return unacceptable("there are more than " + std::to_string(kMaxSsrcs) + " SSRCs");
    to.ssrcs.push_back(*id);
    return Ok{};
}

Status read_ssrc_group(Section& to, std::string_view value) {
    if (take_word(value) != "FID")
        return Ok{};
    const auto pair = words(value);
    const auto media = pair.size() == 2 ? ssrc_of(pair[0]) : std::nullopt;
    const auto rtx = pair.size() == 2 ? ssrc_of(pair[1]) : std::nullopt;
    if (!media || !rtx || *media == *rtx)
        return unacceptable("ssrc-group:FID " + quoted(value) + " is not two different SSRCs");
    if (to.fid.size() == kMaxSsrcs)
        return unacceptable("there are more than " + std::to_string(kMaxSsrcs) + " groups of SSRCs");
    to.fid.emplace_back(*media, *rtx);
    return Ok{};
}

}  // namespace

Result<bool> read_inherited_attribute(Inherited& to, std::string_view key, std::string_view value) {
    const auto known = [](const Status& status) -> Result<bool> {
        return status ? Result<bool>(true) : Result<bool>(status.error());
    };
    if (key == "ice-ufrag")
        return known(read_ice(to.ufrag, key, value, 4));
    if (key == "ice-pwd")
        return known(read_ice(to.pwd, key, value, 22));
    if (key == "fingerprint")
        return known(read_fingerprint(to, value));
    if (key == "setup") {
        if (value != "actpass" && value != "active" && value != "passive")
            return unacceptable("setup " + quoted(value) + " is not actpass, active or passive");
        to.setup = value;
        return true;
    }
    if (key == "candidate") {  // beyond the bounds, or not understood by the agent: as if it were not there
        if (to.candidates.size() < kMaxCandidates && is_printable(value, kMaxCandidate))
            to.candidates.push_back("candidate:" + std::string(value));
        return true;
    }
    for (const auto direction :
         {Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive})
        if (key == to_string(direction)) {
            to.direction = direction;
            return true;
        }
    return false;
}

Status read_section_attribute(ParsedSection& parsed, std::string_view key, std::string_view value) {
    auto& to = parsed.section;
    if (key == "rtpmap")
        return read_rtpmap(to, value);
    if (key == "fmtp")
        return read_fmtp(to, value);
    if (key == "rtcp-fb")
        return read_feedback(to, value);
    if (key == "extmap")
        return read_extension(to, value);
    if (key == "ssrc")
        return read_ssrc(to, value);
    if (key == "ssrc-group")
        return read_ssrc_group(to, value);
    if (key == "mid") {
        if (!is_token(value))
            return unacceptable("mid " + quoted(value) + " is not a token of at most 128 characters");
        to.mid = value;
    } else if (key == "msid" && to.msid.empty() && is_printable(value, 256))
        to.msid = value;
    else if (key == "bundle-only")
        parsed.bundle_only = true;
    else if (key == "rtcp-mux")
        to.rtcp_mux = true;
    else if (key == "rtcp-rsize")
        to.rtcp_rsize = true;
    return Ok{};
}

}  // namespace sluice::media::sdp
