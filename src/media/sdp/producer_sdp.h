#pragma once

#include <string>
#include <vector>

#include "media/sdp/description.h"

/// The producer's leg: the browser offers, the server answers recvonly.
namespace sluice::media::sdp {

/// Our end of a connection, as text shows it.
struct LocalTransport {
    std::string ufrag;
    std::string pwd;
    std::string fingerprint;              ///< sha-256, upper case hex pairs with colons.
    std::string setup;                    ///< "actpass", "active" or "passive".
    std::vector<std::string> candidates;  ///< "candidate:..." values.
    bool ice_lite = true;
    std::string session_id;
    unsigned version = 0;  ///< Grows by one with each description of the session.
};

/// What the server takes of one section of a producer's offer: one codec, and RTX where it was offered.
struct InTrack {
    std::string mid;
    Kind kind = Kind::Audio;
    Codec codec;                              ///< With the feedback that the server answers with.
    std::optional<Codec> rtx;                 ///< Video only.
    std::vector<HeaderExtension> extensions;  ///< Those that the server takes, with the producer's ids.
    std::vector<uint32_t> ssrcs;              ///< Media only, no RTX; empty if the offer does not say.
    std::optional<uint32_t> rtx_ssrc;
    std::string stream_id;  ///< The MediaStream of its msid; empty if none.
};

/// The first codec of the section's order that the server takes: opus for audio; for video one of
/// `video_codecs` (names; which of them wins is the producer's order). H264 only with packetization-mode=1,
/// and of its profiles the one that most receivers have. Of several forms of the codec the one of
/// `payload_type` goes before all. nullopt: none fits. Header extensions that the producer is to send:
/// transport-cc, and those that pass to consumers (see pass_through()). Never mid, rid or repaired-rid:
/// forwarded packets would carry the producer's MID, which the consumer's connection does not know.
std::optional<InTrack> choose(const Section& section, const std::vector<std::string>& video_codecs,
                              std::optional<int> payload_type = {});

/// The answer for the producer's browser: its sections in its order; a section whose mid has no track in
/// `tracks` is rejected (port 0, out of BUNDLE); one whose browser end does not send is answered inactive.
std::string write_answer(const Description& offer, const std::vector<InTrack>& tracks,
                         const LocalTransport& local);

/// The offer of the producer as webrtcbin is shown it: only sendonly sections with one codec each, always the
/// same sections in the same order (a removed track stays), the remote transport of `offer` with setup as
/// given. `setup` "active" makes webrtcbin the DTLS server.
std::string write_bin_offer(const std::vector<InTrack>& tracks, const Transport& remote,
                            const std::string& setup, const std::string& session_id, unsigned version);

/// The caps for GstWebRTCRTPTransceiver:codec-preferences, as text: with rtcp-fb-* and quoted extmap-*
/// fields.
std::string codec_preferences(const InTrack& track);

/// The id of the header extension by whose numbers the producer wants to be told what has come; 0: it does
/// not. webrtcbin does not hear of it, nor of that feedback: the server reports itself (TransportFeedback).
uint8_t transport_cc_id(const InTrack& track);

}  // namespace sluice::media::sdp
