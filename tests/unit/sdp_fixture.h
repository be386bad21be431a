#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/sdp/consumer_sdp.h"
#include "media/sdp/producer_sdp.h"

namespace sluice::media::sdp::test {

inline const std::vector<std::string> kAllCodecs{"VP8", "VP9", "H264", "AV1"};
inline const std::string kFingerprint =
    "C9:A7:76:9C:BD:CE:E7:C8:3A:4E:16:1C:02:51:9D:F9:E3:D9:D5:C9:43:F6:18:4C:D4:C7:CF:12:3A:5B:10:48";

/// A description that a browser wrote: tests/data/sdp/NAME.sdp.
inline std::string recorded(const std::string& name) {
    std::ifstream file(std::string(SDP_DATA) + "/" + name + ".sdp", std::ios::binary);
    EXPECT_TRUE(file) << "no recording " << name;
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The least that parse_offer() takes: one audio and one video section.
inline std::string plain_offer() {
    return "v=0\r\n"
           "o=- 42 1 IN IP4 127.0.0.1\r\n"
           "s=-\r\n"
           "t=0 0\r\n"
           "a=group:BUNDLE a v\r\n"
           "a=ice-ufrag:abcd\r\n"
           "a=ice-pwd:abcdefghijklmnopqrstuv\r\n"
           "a=fingerprint:sha-256 " +
           kFingerprint +
           "\r\n"
           "a=setup:actpass\r\n"
           "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
           "a=mid:a\r\n"
           "a=sendonly\r\n"
           "a=rtcp-mux\r\n"
           "a=rtpmap:111 opus/48000/2\r\n"
           "a=ssrc:1 cname:x\r\n"
           "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"
           "a=mid:v\r\n"
           "a=sendonly\r\n"
           "a=rtcp-mux\r\n"
           "a=rtpmap:96 VP8/90000\r\n"
           "a=rtpmap:97 rtx/90000\r\n"
           "a=fmtp:97 apt=96\r\n"
           "a=ssrc-group:FID 2 3\r\n"
           "a=ssrc:2 cname:x\r\n"
           "a=ssrc:3 cname:x\r\n";
}

/// `text` with the first `what` in it replaced.
inline std::string with(std::string text, std::string_view what, std::string_view replacement) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << "nothing to replace: " << what;
    return at == std::string::npos ? text : text.replace(at, what.size(), replacement);
}
/// plain_offer() with the first `what` in it replaced.
inline std::string offer_with(std::string_view what, std::string_view replacement) {
    return with(plain_offer(), what, replacement);
}

inline LocalTransport local_transport(const std::string& setup) {
    return {.ufrag = "srvU",
            .pwd = "0123456789012345678901",
            .fingerprint = kFingerprint,
            .setup = setup,
            .candidates = {"candidate:1 1 udp 2130706431 127.0.0.1 9999 typ host"},
            .session_id = "4611686018427387904",
            .version = 7};
}

/// What the server takes of an offer, sections that do not send included.
inline std::vector<InTrack> choose_all(const Description& offer,
                                       const std::vector<std::string>& video_codecs = kAllCodecs) {
    std::vector<InTrack> tracks;
    for (const auto& section : offer.sections)
        if (!section.rejected)
            if (auto track = choose(section, video_codecs))
                tracks.push_back(std::move(*track));
    return tracks;
}

/// A track to consumers as the media core makes it; RTX (video) gets SSRC `ssrc` + 1.
inline OutTrack out_track(const std::string& mid, const std::string& codec, uint32_t ssrc,
                          int rtx_payload_type = -1) {
    OutTrack track;
    track.mid = mid;
    track.kind = codec == "opus" ? Kind::Audio : Kind::Video;
    track.codec.name = codec;
    track.codec.payload_type = payload_type_of(track.codec);
    track.codec.clock_rate = track.kind == Kind::Audio ? 48000 : 90000;
    track.codec.channels = track.kind == Kind::Audio ? 2 : 0;
    track.ssrc = ssrc;
    track.rtx_payload_type = rtx_payload_type;
    track.rtx_ssrc = ssrc + 1;
    track.stream_id = "stream";
    track.track_id = "track-" + mid;
    track.cname = "someone";
    return track;
}

/// The lines of `text` that begin with `prefix`, without it.
inline std::vector<std::string> lines_of(std::string_view text, std::string_view prefix) {
    std::vector<std::string> result;
    while (!text.empty()) {
        const auto end = text.find("\r\n");
        EXPECT_NE(end, std::string_view::npos) << "a line without CRLF: " << text;
        const auto line = text.substr(0, end);
        if (line.starts_with(prefix))
            result.emplace_back(line.substr(prefix.size()));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    }
    return result;
}
/// The m-section of `text` with index `index`.
inline std::string section_of(const std::string& text, size_t index) {
    auto begin = text.find("\r\nm=");
    for (; index > 0 && begin != std::string::npos; index--) begin = text.find("\r\nm=", begin + 1);
    EXPECT_NE(begin, std::string::npos) << "not that many m-sections";
    if (begin == std::string::npos)
        return {};
    begin += 2;
    const auto end = text.find("\r\nm=", begin);
    return text.substr(begin, end == std::string::npos ? end : end + 2 - begin);
}

using Lines = std::vector<std::string>;

}  // namespace sluice::media::sdp::test
