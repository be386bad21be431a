#include "media/sdp/writer.h"

namespace sluice::media::sdp {

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

void Writer::media(const std::string& kind, unsigned port, const std::string& protocol,
                   const std::string& formats) {
    line("m=" + kind + " " + std::to_string(port) + " " + protocol + " " + formats);
    line("c=IN IP4 0.0.0.0");
}

void Writer::codec(const Codec& codec) {
    const auto type = std::to_string(codec.payload_type);
    line("a=rtpmap:" + type + " " + codec.name + "/" + std::to_string(codec.clock_rate) +
         (codec.channels > 0 ? "/" + std::to_string(codec.channels) : ""));
    for (const auto& feedback : codec.feedback) line("a=rtcp-fb:" + type + " " + feedback);
    if (!codec.fmtp.empty())
        line("a=fmtp:" + type + " " + codec.fmtp);
}

void Writer::rtx(int rtx_payload_type, int payload_type, uint32_t clock_rate) {
    const auto type = std::to_string(rtx_payload_type);
    line("a=rtpmap:" + type + " rtx/" + std::to_string(clock_rate));
    line("a=fmtp:" + type + " apt=" + std::to_string(payload_type));
}

void Writer::extensions(const std::vector<HeaderExtension>& extensions) {
    for (const auto& extension : extensions)
        line("a=extmap:" + std::to_string(extension.id) + " " + extension.uri);
}

void Writer::transport(const Transport& transport) {
    line("a=ice-ufrag:" + transport.ufrag);
    line("a=ice-pwd:" + transport.pwd);
    for (const auto& fingerprint : transport.fingerprints)
        line("a=fingerprint:" + fingerprint.algorithm + " " + fingerprint.value);
    line("a=setup:" + transport.setup);
}

}  // namespace sluice::media::sdp
