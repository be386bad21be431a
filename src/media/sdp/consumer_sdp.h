#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/sdp/producer_sdp.h"

/// The consumer's leg: the server offers sendonly, the browser answers.
namespace sluice::media::sdp {

/// Forwarded packets are made uniform before the tee: one payload type per codec, one id per header
/// extension, one SSRC per track for its whole life, whatever browser sends it and however often that
/// browser's page is loaded anew.
int payload_type_of(const Codec& codec);  ///< opus 111, VP8 100, VP9 101, H264 102, AV1 103; -1 for others.
/// Of its retransmissions (RFC 4588); every codec has its own, since one BUNDLE group may carry several.
int rtx_payload_type_of(const Codec& codec);
/// The id under which an extension of a producer passes to consumers; 0 if it does not: ssrc-audio-level 1,
/// video-orientation 2, playout-delay 3, video-content-type 4, color-space 5, video-timing 6,
/// abs-capture-time 7.
int pass_through(const std::string& uri);
/// All that may pass for that kind, with our ids.
std::vector<HeaderExtension> pass_through(Kind kind);

/// One track on its way to a consumer: one m-section for the life of the connection.
struct OutTrack {
    std::string mid;
    Kind kind = Kind::Audio;
    Codec
        codec;  ///< Our payload type; fmtp as the producer's where it describes the stream (H264, VP9, AV1).
    uint32_t ssrc = 0;
    int rtx_payload_type = -1;  ///< -1: no RTX.
    uint32_t rtx_ssrc = 0;
    bool active = true;     ///< false: offered as inactive (the producer removed it).
    std::string stream_id;  ///< msid: one MediaStream per (producer, source).
    std::string track_id;
    std::string cname;
};

/// The offer for the consumer's browser.
std::string write_offer(const std::vector<OutTrack>& tracks, const LocalTransport& local);

/// What an answer says of one track.
struct Taken {
    bool media = false;  ///< false: rejected or inactive.
    bool rtx = false;    ///< RTX, for what it loses; of a track that has it.
};
/// Of each of `tracks`, in their order. Unacceptable, field "answer.sdp": not one section for each track in
/// the same order with the same mid and kind, or a codec that was not offered.
Result<std::vector<Taken>> read_answer(const Description& answer, const std::vector<OutTrack>& tracks);

/// The answer as webrtcbin is shown it: every track recvonly, whatever the browser said (its gate stays
/// closed where it refused), with the remote transport. Nothing is said of RTX: the legs see to that.
std::string write_bin_answer(const std::vector<OutTrack>& tracks, const Transport& remote,
                             const std::string& session_id, unsigned version);

/// Caps for add-transceiver and for the CAPS event of the track: application/x-rtp with media, encoding-name,
/// clock-rate, payload, ssrc and rtcp-fb-* (video: nack, nack-pli, ccm-fir). Without ssrc a PLI is lost in
/// rtpfunnel.
std::string track_caps(const OutTrack& track);

/// What webrtcbin itself decided, read from its own offer or answer.
struct BinDescription {
    std::string fingerprint;  ///< sha-256
    size_t sections = 0;
};
Result<BinDescription> read_bin_description(std::string_view text);

}  // namespace sluice::media::sdp
