#include <sstream>

#include "peer/sdp.h"

namespace sluice::peer::sdp {
namespace {

class Text {
public:
    template <typename... Parts>
    void line(const Parts&... parts) {
        (out_ << ... << parts) << "\r\n";
    }
    std::string take() { return out_.str(); }

private:
    std::ostringstream out_;
};

void write_session(Text& text, const Local& local, const std::string& bundle) {
    text.line("v=0");
    text.line("o=- ", local.session_id, " ", local.version, " IN IP4 127.0.0.1");
    text.line("s=-");
    text.line("t=0 0");
    text.line("a=group:BUNDLE", bundle);
    text.line("a=extmap-allow-mixed");
    text.line("a=msid-semantic: WMS");
}

void write_transport(Text& text, const Local& local) {
    text.line("c=IN IP4 ", local.address);
    text.line("a=rtcp:9 IN IP4 0.0.0.0");
    text.line("a=candidate:1467250027 1 udp 2122260223 ", local.address, " ", local.port,
              " typ host generation 0 network-id 1");
    text.line("a=ice-ufrag:", local.ice.ufrag);
    text.line("a=ice-pwd:", local.ice.pwd);
    text.line("a=ice-options:trickle");
    text.line("a=fingerprint:sha-256 ", local.fingerprint);
    text.line("a=setup:", local.setup);
}

void write_audio_codecs(Text& text) {
    text.line("a=rtpmap:111 opus/48000/2");
    text.line("a=rtcp-fb:111 transport-cc");
    text.line("a=fmtp:111 minptime=10;useinbandfec=1");
}

/// That of the codec's RTX is one more.
int payload_type_of(const std::string& video_codec) {
    return video_codec == "VP8" ? 96 : video_codec == "VP9" ? 98 : video_codec == "H264" ? 102 : 104;
}

void write_video_codecs(Text& text, const std::string& codec) {
    const int type = payload_type_of(codec);
    text.line("a=rtpmap:", type, " ", codec, "/90000");
    if (codec == "H264")
        text.line("a=fmtp:", type, " level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
    for (const char* feedback : {"goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"})
        text.line("a=rtcp-fb:", type, " ", feedback);
    text.line("a=rtpmap:", type + 1, " rtx/90000");
    text.line("a=fmtp:", type + 1, " apt=", type);
}

void write_ssrcs(Text& text, const Local& local, const Track& track) {
    if (track.rtx_ssrc)
        text.line("a=ssrc-group:FID ", track.ssrc, " ", track.rtx_ssrc);
    for (const uint32_t ssrc : {track.ssrc, track.rtx_ssrc})
        if (ssrc) {
            text.line("a=ssrc:", ssrc, " cname:", local.cname);
            text.line("a=ssrc:", ssrc, " msid:", track.stream_id, " ", track.mid, "-", track.ssrc);
        }
}

void write_track(Text& text, const Local& local, const Track& track) {
    const bool audio = track.kind == Kind::Audio;
    const int type = payload_type_of(track.codec);
    text.line("m=", audio ? "audio " : "video ", track.stopped ? 0 : local.port, " UDP/TLS/RTP/SAVPF ",
              audio ? "111" : std::to_string(type) + " " + std::to_string(type + 1));
    write_transport(text, local);
    text.line("a=mid:", track.mid);
    if (audio)
        text.line("a=extmap:1 ", kAudioLevel);
    text.line("a=extmap:2 ", kAbsSendTime);
    text.line("a=extmap:3 ", kTransportCc);
    text.line("a=extmap:4 ", kMid);
    const bool sending = track.sending && !track.stopped;
    text.line(sending ? "a=sendonly" : "a=inactive");
    if (sending)
        text.line("a=msid:", track.stream_id, " ", track.mid, "-", track.ssrc);
    text.line("a=rtcp-mux");
    text.line("a=rtcp-rsize");
    audio ? write_audio_codecs(text) : write_video_codecs(text, track.codec);
    if (sending && track.names_ssrc)
        write_ssrcs(text, local, track);
}

void write_rejected(Text& text, const Section& offered) {
    std::ostringstream formats;
    for (const int payload_type : offered.payload_types) formats << ' ' << payload_type;
    text.line("m=", offered.media, " 0 ", offered.protocol, formats.str());
    text.line("c=IN IP4 0.0.0.0");
    text.line("a=mid:", offered.mid);
    text.line("a=inactive");
}

void write_accepted(Text& text, const Local& local, const Section& offered) {
    std::ostringstream formats;
    for (const int payload_type : offered.payload_types) formats << ' ' << payload_type;
    text.line("m=", offered.media, " ", local.port, " ", offered.protocol, formats.str());
    write_transport(text, local);
    text.line("a=mid:", offered.mid);
    for (const auto& [id, uri] : offered.extensions) text.line("a=extmap:", id, " ", uri);
    text.line(offered.sends() ? "a=recvonly" : "a=inactive");
    text.line("a=rtcp-mux");
    text.line("a=rtcp-rsize");
    for (const auto& [payload_type, codec] : offered.rtpmap) text.line("a=rtpmap:", payload_type, " ", codec);
    for (const auto& [payload_type, value] : offered.feedback)
        text.line("a=rtcp-fb:", payload_type, " ", value);
    for (const auto& [payload_type, value] : offered.fmtp) text.line("a=fmtp:", payload_type, " ", value);
}

}  // namespace

std::string write_offer(const Local& local, const std::vector<Track>& tracks) {
    std::string bundle;
    for (const Track& track : tracks)
        if (!track.stopped)
            bundle += " " + track.mid;
    Text text;
    write_session(text, local, bundle);
    for (const Track& track : tracks) write_track(text, local, track);
    return text.take();
}

std::string write_answer(const Local& local, const Description& offer) {
    std::string bundle;
    for (const Section& section : offer.sections)
        if (section.port != 0 && section.kind())
            bundle += " " + section.mid;
    Text text;
    write_session(text, local, bundle);
    for (const Section& section : offer.sections) {
        if (section.port != 0 && section.kind())
            write_accepted(text, local, section);
        else
            write_rejected(text, section);
    }
    return text.take();
}

}  // namespace sluice::peer::sdp
