#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// SDP as this server reads and writes it (RFC 8866, RFC 8829, RFC 8843, RFC 8842). Nothing of a peer's text
/// ever reaches webrtcbin and nothing of webrtcbin's text ever reaches a peer: what comes in is parsed into
/// these plain values and checked, what goes out is written from them. Any thread; no state.
namespace sluice::media::sdp {

enum class Kind { Audio, Video };
const char* to_string(Kind kind);

enum class Direction { SendRecv, SendOnly, RecvOnly, Inactive };
const char* to_string(Direction direction);

struct Fingerprint {
    std::string algorithm;  ///< Lower case: "sha-256".
    std::string value;      ///< Upper case hex pairs with colons.
    bool operator==(const Fingerprint&) const = default;
};

/// What BUNDLE makes one: ICE and DTLS of the whole connection.
struct Transport {
    std::string ufrag;
    std::string pwd;
    std::vector<Fingerprint> fingerprints;     ///< At least one, of a hash that we can compute.
    std::string setup;                         ///< "actpass", "active" or "passive".
    std::vector<std::string> candidates = {};  ///< "candidate:..." as they came; may be none.
};

struct Codec {
    int payload_type = -1;
    std::string
        name;  ///< As registered: "opus", "VP8", "VP9", "H264", "AV1", "rtx"... (matched without case).
    uint32_t clock_rate = 0;
    int channels = 0;                   ///< 0 where the rtpmap has none.
    std::string fmtp;                   ///< As it came; empty if none.
    std::vector<std::string> feedback;  ///< "nack", "nack pli", "ccm fir", "transport-cc"...
};

struct HeaderExtension {
    int id = 0;
    std::string uri;
};

/// One m-section. `mid` names it for the life of the session.
struct Section {
    std::string mid;
    std::string media;         ///< "audio", "video", "application"...
    std::optional<Kind> kind;  ///< Set for RTP sections of a known kind.
    std::string protocol;      ///< "UDP/TLS/RTP/SAVPF"
    std::string formats;       ///< The rest of the m-line; a rejection repeats it.
    bool rejected = false;     ///< Port 0 without bundle-only.
    Direction direction = Direction::SendRecv;
    std::vector<Codec> codecs;                ///< In the m-line's order: the sender's preference.
    std::vector<HeaderExtension> extensions;  ///< Without those that have another id in a section before, or
                                              ///< whose id has another meaning there.
    std::vector<uint32_t> ssrcs;              ///< In order of appearance, without duplicates.
    std::vector<std::pair<uint32_t, uint32_t>> fid;  ///< ssrc-group:FID, media and RTX.
    std::string msid;                                ///< "stream track", as it came; empty if none.

    bool rtcp_mux = false;
    bool rtcp_rsize = false;

    /// The peer sends on it: neither rejected nor recvonly nor inactive.
    bool sends() const;
    /// The peer takes what comes on it.
    bool receives() const;
};

struct Description {
    std::string session_id;  ///< The number of o=.
    std::vector<Section> sections;
    std::vector<std::string> bundle;
    Transport transport;  ///< Of the BUNDLE group.
};

/// A producer's offer. InvalidArgument: not SDP. Unacceptable: SDP that cannot be taken, and why: no section,
/// no BUNDLE group over all live RTP sections, a mid that is missing, repeated or unknown to BUNDLE, no ICE
/// credentials (RFC 8839 lengths), no usable fingerprint, no rtcp-mux, a bad setup, an unknown RTP profile,
/// one payload type for two codecs, more than 64 sections. The field of either is "offer.sdp".
Result<Description> parse_offer(std::string_view text);
/// A consumer's answer; the same with field "answer.sdp", and setup must be active or passive.
Result<Description> parse_answer(std::string_view text);

}  // namespace sluice::media::sdp
