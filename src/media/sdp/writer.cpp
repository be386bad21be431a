#include "media/sdp/writer.h"

namespace sluice::media::sdp {
namespace {

constexpr unsigned kDiscardPort = 9;  ///< RFC 8829 section 5.2.1: the candidates say where.

}  // namespace

Writer::Writer(const std::string& session_id, unsigned version) {
    line("v=0");
    line("o=- " + session_id + " " + std::to_string(version) + " IN IP4 127.0.0.1");
    line("s=-");
    line("t=0 0");
}

void Writer::bundle(const std::vector<std::string>& mids) {
    if (mids.empty())
        return;
    std::string group = "a=group:BUNDLE";
    for (const auto& mid : mids) group += " " + mid;
    line(group);
}

void Writer::media(const std::string& kind, const std::string& protocol, const Codec& codec,
                   int rtx_payload_type) {
    auto formats = std::to_string(codec.payload_type);
    if (rtx_payload_type >= 0)
        formats += " " + std::to_string(rtx_payload_type);
    media_line(kind, kDiscardPort, protocol, formats);
}

void Writer::rejection(const Section& offered) {
    media_line(offered.media, 0, offered.protocol, offered.formats);
    if (!offered.mid.empty())
        line("a=mid:" + offered.mid);
    line("a=inactive");
}

void Writer::codecs(const Codec& codec, int rtx_payload_type) {
    const auto type = std::to_string(codec.payload_type);
    const auto clock_rate = "/" + std::to_string(codec.clock_rate);
    line("a=rtpmap:" + type + " " + codec.name + clock_rate +
         (codec.channels > 0 ? "/" + std::to_string(codec.channels) : ""));
    for (const auto& feedback : codec.feedback) line("a=rtcp-fb:" + type + " " + feedback);
    if (!codec.fmtp.empty())
        line("a=fmtp:" + type + " " + codec.fmtp);
    if (rtx_payload_type < 0)
        return;
    const auto rtx = std::to_string(rtx_payload_type);
    line("a=rtpmap:" + rtx + " rtx" + clock_rate);
    line("a=fmtp:" + rtx + " apt=" + type);
}

void Writer::extensions(const std::vector<HeaderExtension>& extensions) {
    for (const auto& extension : extensions)
        line("a=extmap:" + std::to_string(extension.id) + " " + extension.uri);
}

void Writer::local_transport(const LocalTransport& local) {
    transport(local.ufrag, local.pwd, {"sha-256", local.fingerprint}, local.setup);
    for (const auto& candidate : local.candidates) line("a=" + candidate);
    line("a=end-of-candidates");
}

void Writer::remote_transport(const Transport& remote, const std::string& setup) {
    transport(remote.ufrag, remote.pwd, remote.fingerprints.front(), setup);
}

void Writer::media_line(const std::string& kind, unsigned port, const std::string& protocol,
                        const std::string& formats) {
    line("m=" + kind + " " + std::to_string(port) + " " + protocol + " " + formats);
    line("c=IN IP4 0.0.0.0");
}

void Writer::transport(const std::string& ufrag, const std::string& pwd, const Fingerprint& fingerprint,
                       const std::string& setup) {
    line("a=ice-ufrag:" + ufrag);
    line("a=ice-pwd:" + pwd);
    line("a=fingerprint:" + fingerprint.algorithm + " " + fingerprint.value);
    line("a=setup:" + setup);
}

}  // namespace sluice::media::sdp
