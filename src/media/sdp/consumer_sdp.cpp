#include "media/sdp/consumer_sdp.h"

#include <algorithm>

#include "media/sdp/codecs.h"
#include "media/sdp/grammar.h"
#include "media/sdp/parsed.h"
#include "media/sdp/writer.h"

namespace sluice::media::sdp {
namespace {

struct PassThrough {
    int id;
    const char* uri;
    bool audio;
    bool video;
};
constexpr int kNoRtx = -1;
constexpr PassThrough kPassThrough[] = {
    {1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level", true, false},
    {2, "urn:3gpp:video-orientation", false, true},
    {3, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", false, true},
    {4, "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type", false, true},
    {5, "http://www.webrtc.org/experiments/rtp-hdrext/color-space", false, true},
    {6, "http://www.webrtc.org/experiments/rtp-hdrext/video-timing", false, true},
    {7, "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time", true, true},
};

std::vector<std::string> mids_of(const std::vector<OutTrack>& tracks) {
    std::vector<std::string> mids;
    for (const auto& track : tracks) mids.push_back(track.mid);
    return mids;
}

Codec with_feedback(const OutTrack& track) {
    Codec codec = track.codec;
    codec.feedback.clear();
    if (track.kind == Kind::Video)
        codec.feedback = {"nack", "nack pli", "ccm fir"};
    return codec;
}

void write_ssrcs(Writer& writer, const OutTrack& track) {
    std::vector<uint32_t> ssrcs{track.ssrc};
    if (track.rtx_payload_type >= 0) {
        ssrcs.push_back(track.rtx_ssrc);
        writer.line("a=ssrc-group:FID " + std::to_string(track.ssrc) + " " + std::to_string(track.rtx_ssrc));
    }
    for (const auto ssrc : ssrcs) {
        const auto id = "a=ssrc:" + std::to_string(ssrc);
        writer.line(id + " cname:" + track.cname);
        writer.line(id + " msid:" + track.stream_id + " " + track.track_id);
    }
}

}  // namespace

int payload_type_of(const Codec& codec) {
    const auto* known = find_codec(codec.name);
    return known ? known->payload_type : -1;
}

int rtx_payload_type_of(const Codec& codec) {
    constexpr int kAbove = 20;
    const int media = payload_type_of(codec);
    return media < 0 ? media : media + kAbove;
}

int pass_through(const std::string& uri) {
    for (const auto& known : kPassThrough)
        if (uri == known.uri)
            return known.id;
    return 0;
}

std::vector<HeaderExtension> pass_through(Kind kind) {
    std::vector<HeaderExtension> result;
    for (const auto& known : kPassThrough)
        if (kind == Kind::Audio ? known.audio : known.video)
            result.push_back({known.id, known.uri});
    return result;
}

std::string write_offer(const std::vector<OutTrack>& tracks, const LocalTransport& local) {
    Writer writer(local.session_id, local.version);
    writer.bundle(mids_of(tracks));
    if (local.ice_lite)
        writer.line("a=ice-lite");
    writer.line("a=msid-semantic: WMS *");
    for (const auto& track : tracks) {
        const auto codec = with_feedback(track);
        writer.media(to_string(track.kind), kProtocol, codec, track.rtx_payload_type);
        writer.line("a=mid:" + track.mid);
        writer.line(track.active ? "a=sendonly" : "a=inactive");
        writer.line("a=msid:" + track.stream_id + " " + track.track_id);
        writer.local_transport(local);
        writer.line("a=rtcp-mux");
        writer.line("a=rtcp-rsize");
        writer.extensions(pass_through(track.kind));
        writer.codecs(codec, track.rtx_payload_type);
        write_ssrcs(writer, track);
    }
    return writer.take();
}

Result<std::vector<Taken>> read_answer(const Description& answer, const std::vector<OutTrack>& tracks) {
    const auto refuse = [](const std::string& what) {
        return Error{ErrorCode::Unacceptable, what, "answer.sdp"};
    };
    if (answer.sections.size() != tracks.size())
        return refuse("the answer has " + std::to_string(answer.sections.size()) +
                      " m-sections, the offer had " + std::to_string(tracks.size()));
    std::vector<Taken> taken;
    for (size_t i = 0; i < tracks.size(); i++) {
        const auto& section = answer.sections[i];
        const auto& track = tracks[i];
        const auto name = name_of(section, i);
        if (section.kind != track.kind)
            return refuse(name + " is not " + to_string(track.kind) + ", as the offer's is");
        if (section.mid != track.mid && !(section.rejected && section.mid.empty()))
            return refuse(name + " has not the offer's mid, " + quoted(track.mid));
        const bool has_codec = std::ranges::any_of(section.codecs, [&](const Codec& codec) {
            return codec.payload_type == track.codec.payload_type &&
                   equals_ignoring_case(codec.name, track.codec.name) &&
                   codec.clock_rate == track.codec.clock_rate;
        });
        if (section.receives() && !has_codec)
            return refuse(name + " does not take the codec of the offer, " + track.codec.name +
                          " with payload type " + std::to_string(track.codec.payload_type));
        const bool has_rtx = std::ranges::any_of(section.codecs, [&](const Codec& codec) {
            return is_rtx(codec) && codec.payload_type == track.rtx_payload_type;
        });
        taken.push_back({.media = section.receives(), .rtx = has_rtx});
    }
    return taken;
}

std::string write_bin_answer(const std::vector<OutTrack>& tracks, const Transport& remote,
                             const std::string& session_id, unsigned version) {
    Writer writer(session_id, version);
    writer.bundle(mids_of(tracks));
    for (const auto& track : tracks) {
        auto codec = with_feedback(track);
        codec.fmtp.clear();
        writer.media(to_string(track.kind), kProtocol, codec, kNoRtx);
        writer.line("a=mid:" + track.mid);
        writer.line("a=recvonly");
        writer.remote_transport(remote, remote.setup);
        writer.line("a=rtcp-mux");
        writer.line("a=rtcp-rsize");
        writer.codecs(codec, kNoRtx);
    }
    return writer.take();
}

std::string track_caps(const OutTrack& track) {
    std::string caps = "application/x-rtp, media=(string)" + std::string(to_string(track.kind)) +
                       ", encoding-name=(string)" + upper(track.codec.name) + ", payload=(int)" +
                       std::to_string(track.codec.payload_type) + ", clock-rate=(int)" +
                       std::to_string(track.codec.clock_rate) + ", ssrc=(uint)" + std::to_string(track.ssrc);
    if (track.codec.channels > 0)
        caps += ", encoding-params=(string)" + std::to_string(track.codec.channels);
    for (auto feedback : with_feedback(track).feedback) {
        std::ranges::replace(feedback, ' ', '-');
        caps += ", rtcp-fb-" + feedback + "=(boolean)true";
    }
    return caps;
}

Result<BinDescription> read_bin_description(std::string_view text) {
    BinDescription result;
    while (!text.empty()) {
        auto line = take_word(text, '\n');
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        constexpr std::string_view kFingerprint = "a=fingerprint:sha-256 ";
        if (line.starts_with("m="))
            result.sections++;
        else if (line.starts_with(kFingerprint))
            result.fingerprint = line.substr(kFingerprint.size());
    }
    if (result.fingerprint.empty())
        return Error{ErrorCode::Internal, "webrtcbin's description has no sha-256 fingerprint"};
    return result;
}

}  // namespace sluice::media::sdp
