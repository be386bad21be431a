#pragma once

#include <string>
#include <vector>

#include "media/sdp/producer_sdp.h"

namespace sluice::media::sdp {

inline constexpr const char* kProtocol = "UDP/TLS/RTP/SAVPF";

/// Puts the lines of a description together. A payload type of RTX that is negative stands for no RTX.
class Writer {
public:
    /// v=, o=, s=, t=.
    Writer(const std::string& session_id, unsigned version);
    /// a=group:BUNDLE; nothing for no mid.
    void bundle(const std::vector<std::string>& mids);
    void line(const std::string& text) { (text_ += text) += "\r\n"; }
    /// m= and c= of a section that is taken.
    void media(const std::string& kind, const std::string& protocol, const Codec& codec,
               int rtx_payload_type);
    /// The whole of a section that is not.
    void rejection(const Section& offered);
    /// rtpmap, fmtp and rtcp-fb of the codec and of its RTX.
    void codecs(const Codec& codec, int rtx_payload_type);
    void extensions(const std::vector<HeaderExtension>& extensions);
    void local_transport(const LocalTransport& local);
    /// A peer's, for webrtcbin, which never uses more than one fingerprint.
    void remote_transport(const Transport& remote, const std::string& setup);

    std::string take() { return std::move(text_); }

private:
    void media_line(const std::string& kind, unsigned port, const std::string& protocol,
                    const std::string& formats);
    void transport(const std::string& ufrag, const std::string& pwd, const Fingerprint& fingerprint,
                   const std::string& setup);

    std::string text_;
};

}  // namespace sluice::media::sdp
