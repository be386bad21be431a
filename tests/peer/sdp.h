#pragma once

#include <map>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "peer/ice_transport.h"

/// SDP as a browser reads and writes it. Deliberately not the server's own parser: the two check each other.
namespace sluice::peer {

enum class Kind { Audio, Video };

namespace sdp {

constexpr char kAudioLevel[] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
constexpr char kAbsSendTime[] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
constexpr char kTransportCc[] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
constexpr char kMid[] = "urn:ietf:params:rtp-hdrext:sdes:mid";

struct Section {
    std::string media;
    int port = 0;
    std::string protocol;
    std::string mid;
    std::string direction = "sendrecv";
    std::vector<int> payload_types;
    std::map<int, std::string> rtpmap;                 ///< 96 -> "VP8/90000"
    std::map<int, std::string> fmtp;                   ///< 97 -> "apt=96"
    std::multimap<int, std::string> feedback;          ///< 96 -> "nack pli"
    std::map<int, std::string> extensions;             ///< 3 -> URI
    std::vector<uint32_t> ssrcs;                       ///< In order of appearance, without duplicates.
    std::optional<std::pair<uint32_t, uint32_t>> fid;  ///< ssrc-group:FID, media and RTX.
    bool rtcp_mux = false;
    Credentials ice;
    std::string fingerprint;  ///< Of sha-256, upper case.
    std::string setup;
    std::vector<sockaddr_in> candidates;  ///< UDP over IPv4.

    std::optional<Kind> kind() const;
    bool sends() const;  ///< Not rejected, and sendonly or sendrecv.
    /// The payload type of a codec ("opus"), or of the RTX of that payload type.
    std::optional<int> payload_type(const std::string& codec) const;
    std::optional<int> rtx_of(int payload_type) const;
    /// The id of a header extension; 0: not there.
    int extension(const std::string& uri) const;
    bool has_feedback(const std::string& what) const;
};

struct Description {
    std::string session_id;
    uint64_t version = 0;
    bool ice_lite = false;
    std::vector<std::string> bundle;
    std::vector<Section> sections;

    const Section* find(const std::string& mid) const;
    const Section& transport() const;  ///< The section that the BUNDLE group begins with, or the first one.
};

Result<Description> parse(const std::string& text);

/// What a browser would refuse in setRemoteDescription(); Ok if nothing.
Status check_offer(const Description& offer);
Status check_reoffer(const Description& before, const Description& offer);
Status check_answer(const Description& offer, const Description& answer);

/// Our end, as it stands in a description.
struct Local {
    std::string session_id;
    unsigned version = 0;
    std::string cname;
    Credentials ice;
    std::string address = "127.0.0.1";
    uint16_t port = 0;
    std::string fingerprint;
    std::string setup;
};

/// One m-section of a producer's offer.
struct Track {
    Kind kind = Kind::Audio;
    std::string codec = "VP8";  ///< Of video; sound is always opus.
    std::string mid;
    bool sending = true;   ///< false: inactive, as after removeTrack().
    bool stopped = false;  ///< Port 0, as after transceiver.stop().
    uint32_t ssrc = 0;
    uint32_t rtx_ssrc = 0;   ///< Video only.
    bool names_ssrc = true;  ///< false: the offer has no a=ssrc, as with encodings that have a rid.
    std::string stream_id;
};

/// As Chromium's: opus 111; one video codec with RTX, nack, pli, fir; transport-cc, abs-send-time, mid,
/// audio level.
std::string write_offer(const Local& local, const std::vector<Track>& tracks);
/// Takes every section that sends, with all that was offered in it; inactive ones stay inactive.
std::string write_answer(const Local& local, const Description& offer);

}  // namespace sdp
}  // namespace sluice::peer
