#pragma once

#include <string>

#include "media/sdp/description.h"

namespace sluice::media::sdp {

/// Puts the lines of a description together.
class Writer {
public:
    /// v=, o=, s=, t=.
    Writer(const std::string& session_id, unsigned version);
    /// a=group:BUNDLE; nothing for no mid.
    void bundle(const std::vector<std::string>& mids);
    void line(const std::string& text) { (text_ += text) += "\r\n"; }
    /// m= and c=. `port` 0 rejects.
    void media(const std::string& kind, unsigned port, const std::string& protocol,
               const std::string& formats);
    void codec(const Codec& codec);
    /// An RTX codec for `payload_type`.
    void rtx(int rtx_payload_type, int payload_type, uint32_t clock_rate);
    void extensions(const std::vector<HeaderExtension>& extensions);
    /// ice-ufrag, ice-pwd, fingerprint, setup.
    void transport(const Transport& transport);

    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

inline constexpr const char* kProfile = "UDP/TLS/RTP/SAVPF";

}  // namespace sluice::media::sdp
