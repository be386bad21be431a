#include "media/sdp/producer_sdp.h"

#include <algorithm>

#include "media/sdp/consumer_sdp.h"
#include "media/sdp/grammar.h"
#include "media/sdp/writer.h"

namespace sluice::media::sdp {
namespace {

constexpr std::string_view kTransportCc =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// The highest id of the one-byte form (RFC 8285 section 4.2), which every sender can use.
constexpr int kMaxExtensionId = 14;

bool is_taken(const Codec& codec, Kind kind, const std::vector<std::string>& video_codecs) {
    if (kind == Kind::Audio)
        return equals_ignoring_case(codec.name, "opus") && codec.clock_rate == 48000;
    if (codec.clock_rate != 90000 || std::ranges::none_of(video_codecs, [&](const auto& name) {
            return equals_ignoring_case(codec.name, name);
        }))
        return false;
    return !equals_ignoring_case(codec.name, "H264") || parameter(codec.fmtp, "packetization-mode") == "1";
}

/// "vp8" and "VP8" are one codec; the log, the statistics and the templates want one name.
std::string registered_name(const std::string& name) {
    for (const char* known : {"opus", "VP8", "VP9", "H264", "AV1"})
        if (equals_ignoring_case(name, known))
            return known;
    return name;
}

std::vector<std::string> supported_feedback(const Codec& codec, Kind kind) {
    std::vector<std::string> result;
    for (const char* feedback : {"transport-cc", "nack", "nack pli", "ccm fir"})
        if ((kind == Kind::Video || std::string_view(feedback) == "transport-cc") &&
            std::ranges::count(codec.feedback, feedback) > 0)
            result.emplace_back(feedback);
    return result;
}

std::vector<HeaderExtension> accepted_extensions(const Section& section) {
    std::vector<HeaderExtension> result;
    const auto ours = pass_through(*section.kind);
    for (const auto& extension : section.extensions) {
        const bool passes = std::ranges::count(ours, extension.uri, &HeaderExtension::uri) > 0;
        if (extension.id <= kMaxExtensionId && (passes || extension.uri == kTransportCc))
            result.push_back(extension);
    }
    return result;
}

std::string formats_of(const InTrack& track) {
    std::string formats = std::to_string(track.codec.payload_type);
    if (track.rtx)
        formats += " " + std::to_string(track.rtx->payload_type);
    return formats;
}

void write_codecs(Writer& writer, const InTrack& track) {
    writer.codec(track.codec);
    if (track.rtx)
        writer.rtx(track.rtx->payload_type, track.codec.payload_type, track.codec.clock_rate);
}

}  // namespace

std::optional<InTrack> choose(const Section& section, const std::vector<std::string>& video_codecs) {
    if (!section.kind)
        return std::nullopt;
    const auto codec = std::ranges::find_if(
        section.codecs, [&](const Codec& offered) { return is_taken(offered, *section.kind, video_codecs); });
    if (codec == section.codecs.end())
        return std::nullopt;
    InTrack track{.mid = section.mid,
                  .kind = *section.kind,
                  .codec = *codec,
                  .rtx = {},
                  .extensions = accepted_extensions(section),
                  .ssrcs = section.ssrcs,
                  .rtx_ssrc = {},
                  .stream_id = {}};
    track.codec.name = registered_name(codec->name);
    track.codec.feedback = supported_feedback(*codec, track.kind);
    if (track.kind == Kind::Video)
        for (const auto& other : section.codecs)
            if (equals_ignoring_case(other.name, "rtx") &&
                parameter(other.fmtp, "apt") == std::to_string(codec->payload_type)) {
                track.rtx = other;
                break;
            }
    for (const auto& [media, rtx] : section.fid) {
        std::erase(track.ssrcs, rtx);
        if (!track.rtx_ssrc && !track.ssrcs.empty() && track.ssrcs.front() == media)
            track.rtx_ssrc = rtx;
    }
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
            writer.media(section.media, 0, section.protocol, section.formats);
            if (!section.mid.empty())
                writer.line("a=mid:" + section.mid);
            writer.line("a=inactive");
            continue;
        }
        writer.media(section.media, 9, section.protocol, formats_of(*track));
        writer.line("a=mid:" + section.mid);
        writer.line(section.sends() ? "a=recvonly" : "a=inactive");
        writer.transport({.ufrag = local.ufrag,
                          .pwd = local.pwd,
                          .fingerprints = {{"sha-256", local.fingerprint}},
                          .setup = local.setup});
        for (const auto& candidate : local.candidates) writer.line("a=" + candidate);
        writer.line("a=end-of-candidates");
        writer.line("a=rtcp-mux");
        if (section.rtcp_rsize)
            writer.line("a=rtcp-rsize");
        writer.extensions(track->extensions);
        write_codecs(writer, *track);
    }
    return writer.take();
}

std::string write_bin_offer(const std::vector<InTrack>& tracks, const Transport& remote,
                            const std::string& setup, const std::string& session_id, unsigned version) {
    Writer writer(session_id, version);
    std::vector<std::string> mids;
    for (const auto& track : tracks) mids.push_back(track.mid);
    writer.bundle(mids);
    for (const auto& track : tracks) {
        writer.media(to_string(track.kind), 9, kProfile, formats_of(track));
        writer.line("a=mid:" + track.mid);
        writer.line("a=sendonly");
        writer.transport({.ufrag = remote.ufrag,
                          .pwd = remote.pwd,
                          .fingerprints = {remote.fingerprints.front()},
                          .setup = setup});
        writer.line("a=rtcp-mux");
        writer.line("a=rtcp-rsize");
        writer.extensions(track.extensions);
        write_codecs(writer, track);
        // webrtcbin 1.22 tells a section by the SSRCs that have a cname here.
        if (track.rtx_ssrc)
            writer.line("a=ssrc-group:FID " + std::to_string(track.ssrcs.front()) + " " +
                        std::to_string(*track.rtx_ssrc));
        for (const auto ssrc : track.ssrcs) writer.line("a=ssrc:" + std::to_string(ssrc) + " cname:producer");
        if (track.rtx_ssrc)
            writer.line("a=ssrc:" + std::to_string(*track.rtx_ssrc) + " cname:producer");
    }
    return writer.take();
}

std::string codec_preferences(const InTrack& track) {
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

}  // namespace sluice::media::sdp
