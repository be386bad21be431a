#include "media/sdp/producer_sdp.h"

#include <algorithm>
#include <cstdlib>

#include "media/sdp/codecs.h"
#include "media/sdp/consumer_sdp.h"
#include "media/sdp/grammar.h"
#include "media/sdp/writer.h"

namespace sluice::media::sdp {
namespace {

constexpr std::string_view kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
constexpr std::string_view kTransportCcFeedback = "transport-cc";
/// The highest id of the one-byte form (RFC 8285 section 4.2). A higher one would make the browser write the
/// two-byte form, a byte more for each.
constexpr int kMaxExtensionId = 14;

const KnownCodec* taken_codec(const Codec& offered, Kind kind, const std::vector<std::string>& video_codecs) {
    const auto* known = find_codec(offered.name);
    if (!known || known->kind != kind || !matches(offered, *known))
        return nullptr;
    const bool wanted = kind == Kind::Audio || std::ranges::any_of(video_codecs, [&](const auto& name) {
                            return equals_ignoring_case(name, known->name);
                        });
    return wanted ? known : nullptr;
}

/// How few receivers have that form of a codec. All have H264's Constrained Baseline (RFC 7742 section 6.2;
/// RFC 6184 section 8.1: profile_idc, constraint flags and level in hex), and browsers take no other profile
/// for it: Chromium has no High, Safari offers that first.
int narrowness(const Codec& codec) {
    if (!equals_ignoring_case(codec.name, "H264"))
        return 0;
    const std::string profile(parameter(codec.fmtp, "profile-level-id").value_or(""));
    constexpr unsigned long kBaseline = 0x42, kConstrained = 0x40;
    const auto bits = strtoul(profile.c_str(), nullptr, 16);
    if (profile.size() != 6 || bits >> 16 != kBaseline)
        return 2;
    return bits >> 8 & kConstrained ? 0 : 1;
}

std::vector<std::string> supported_feedback(const Codec& codec, Kind kind) {
    std::vector<std::string> result;
    for (const std::string_view feedback : {kTransportCcFeedback, std::string_view("nack"),
                                            std::string_view("nack pli"), std::string_view("ccm fir")})
        if ((kind == Kind::Video || feedback == kTransportCcFeedback) &&
            std::ranges::count(codec.feedback, feedback) > 0)
            result.emplace_back(feedback);
    return result;
}

std::vector<HeaderExtension> accepted_extensions(const Section& section) {
    std::vector<HeaderExtension> result;
    const auto ours = pass_through(*section.kind);
    for (const auto& extension : section.extensions) {
        const bool known = extension.uri == kTransportCc ||
                           std::ranges::count(ours, extension.uri, &HeaderExtension::uri) > 0;
        if (known && extension.id <= kMaxExtensionId &&
            std::ranges::count(result, extension.uri, &HeaderExtension::uri) == 0)
            result.push_back(extension);
    }
    return result;
}

std::optional<Codec> rtx_of(const Section& section, const Codec& codec) {
    const auto apt = std::to_string(codec.payload_type);
    const auto found = std::ranges::find_if(section.codecs, [&](const Codec& other) {
        return is_rtx(other) && other.clock_rate == codec.clock_rate && parameter(other.fmtp, "apt") == apt;
    });
    return found == section.codecs.end() ? std::nullopt : std::optional(*found);
}

/// The first stream of the section, and its RTX. More are simulcast's layers, which the answer does not ask
/// for: the browser then sends only the first.
void take_ssrcs(InTrack& track, const Section& section) {
    const auto media = std::ranges::find_if(section.ssrcs, [&](uint32_t ssrc) {
        return std::ranges::count(section.fid, ssrc, &std::pair<uint32_t, uint32_t>::second) == 0;
    });
    if (media == section.ssrcs.end())
        return;
    track.ssrcs = {*media};
    const auto group = std::ranges::find(section.fid, *media, &std::pair<uint32_t, uint32_t>::first);
    if (track.rtx && group != section.fid.end())
        track.rtx_ssrc = group->second;
}

InTrack without_transport_cc(InTrack track) {
    std::erase(track.codec.feedback, kTransportCcFeedback);
    std::erase_if(track.extensions, [](const auto& extension) { return extension.uri == kTransportCc; });
    return track;
}

int rtx_payload_type(const InTrack& track) {
    return track.rtx ? track.rtx->payload_type : -1;
}

}  // namespace

std::optional<InTrack> choose(const Section& section, const std::vector<std::string>& video_codecs,
                              std::optional<int> payload_type) {
    if (!section.kind)
        return std::nullopt;
    const KnownCodec* known = nullptr;
    const Codec* codec = nullptr;
    for (const auto& offered : section.codecs) {
        const auto* other = taken_codec(offered, *section.kind, video_codecs);
        if (!other || (known && known != other))
            continue;
        known = other;
        if (!codec || offered.payload_type == payload_type ||
            (codec->payload_type != payload_type && narrowness(offered) < narrowness(*codec)))
            codec = &offered;
    }
    if (!codec)
        return std::nullopt;
    InTrack track{.mid = section.mid,
                  .kind = *section.kind,
                  .codec = *codec,
                  .rtx = {},
                  .extensions = accepted_extensions(section),
                  .ssrcs = {},
                  .rtx_ssrc = {},
                  .stream_id = {}};
    // "vp8" and "VP8" are one codec; the log, the statistics and the templates want one name.
    track.codec.name = known->name;
    track.codec.fmtp = kept_parameters(*known, codec->fmtp);
    track.codec.feedback = supported_feedback(*codec, track.kind);
    if (track.kind == Kind::Video)
        track.rtx = rtx_of(section, *codec);
    take_ssrcs(track, section);
    std::string_view msid = section.msid;
    if (const auto stream = take_word(msid); is_token(stream, 64) && stream != "-")
        track.stream_id = stream;
    return track;
}

std::string write_answer(const Description& offer, const std::vector<InTrack>& tracks,
                         const LocalTransport& local) {
    const auto track_of = [&](const Section& section) {
        return section.rejected ? tracks.end() : std::ranges::find(tracks, section.mid, &InTrack::mid);
    };
    std::vector<std::string> mids;
    for (const auto& section : offer.sections)
        if (track_of(section) != tracks.end())
            mids.push_back(section.mid);

    Writer writer(local.session_id, local.version);
    writer.bundle(mids);
    if (local.ice_lite)
        writer.line("a=ice-lite");
    writer.line("a=msid-semantic: WMS");
    for (const auto& section : offer.sections) {
        const auto track = track_of(section);
        if (track == tracks.end()) {
            writer.rejection(section);
            continue;
        }
        writer.media(section.media, section.protocol, track->codec, rtx_payload_type(*track));
        writer.line("a=mid:" + section.mid);
        writer.line(section.sends() ? "a=recvonly" : "a=inactive");
        writer.local_transport(local);
        writer.line("a=rtcp-mux");
        if (section.rtcp_rsize)
            writer.line("a=rtcp-rsize");
        writer.extensions(track->extensions);
        writer.codecs(track->codec, rtx_payload_type(*track));
    }
    return writer.take();
}

std::string write_bin_offer(const std::vector<InTrack>& tracks, const Transport& remote,
                            const std::string& setup, const std::string& session_id, unsigned version) {
    std::vector<std::string> mids;
    for (const auto& track : tracks) mids.push_back(track.mid);
    Writer writer(session_id, version);
    writer.bundle(mids);
    for (const auto& taken : tracks) {
        const auto track = without_transport_cc(taken);
        // webrtcbin makes caps fields of every parameter and needs none: the packets are not depayloaded.
        auto codec = track.codec;
        codec.fmtp.clear();
        writer.media(to_string(track.kind), kProtocol, codec, rtx_payload_type(track));
        writer.line("a=mid:" + track.mid);
        writer.line("a=sendonly");
        writer.remote_transport(remote, setup);
        writer.line("a=rtcp-mux");
        writer.line("a=rtcp-rsize");
        writer.extensions(track.extensions);
        writer.codecs(codec, rtx_payload_type(track));
        // webrtcbin 1.22 tells a section by the SSRCs that have a cname here.
        auto ssrcs = track.ssrcs;
        if (track.rtx_ssrc) {
            writer.line("a=ssrc-group:FID " + std::to_string(ssrcs.front()) + " " +
                        std::to_string(*track.rtx_ssrc));
            ssrcs.push_back(*track.rtx_ssrc);
        }
        for (const auto ssrc : ssrcs) writer.line("a=ssrc:" + std::to_string(ssrc) + " cname:producer");
    }
    return writer.take();
}

std::string codec_preferences(const InTrack& taken) {
    const auto track = without_transport_cc(taken);
    std::string caps = "application/x-rtp, media=(string)" + std::string(to_string(track.kind)) +
                       ", encoding-name=(string)" + upper(track.codec.name) + ", payload=(int)" +
                       std::to_string(track.codec.payload_type) + ", clock-rate=(int)" +
                       std::to_string(track.codec.clock_rate);
    for (auto feedback : track.codec.feedback) {
        std::ranges::replace(feedback, ' ', '-');
        caps += ", rtcp-fb-" + feedback + "=(boolean)true";
    }
    for (const auto& extension : track.extensions)
        caps += ", extmap-" + std::to_string(extension.id) + "=(string)\"" + extension.uri + "\"";
    return caps;
}

uint8_t transport_cc_id(const InTrack& track) {
    const auto found = std::ranges::find(track.extensions, kTransportCc, &HeaderExtension::uri);
    const bool is_wanted = std::ranges::count(track.codec.feedback, kTransportCcFeedback) > 0;
    return is_wanted && found != track.extensions.end() ? static_cast<uint8_t>(found->id) : uint8_t{0};
}

}  // namespace sluice::media::sdp
