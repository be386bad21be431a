#include "peer/sdp.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <sstream>

#include <glib.h>

namespace sluice::peer::sdp {
namespace {

/// "96 VP8/90000" -> 96, "VP8/90000"
std::pair<int, std::string> numbered(const std::string& value) {
    const size_t space = value.find(' ');
    return {atoi(value.c_str()), space == std::string::npos ? "" : value.substr(space + 1)};
}

void add_candidate(Section& section, const std::string& value) {
    std::istringstream in(value);
    std::string foundation, protocol, address;
    int component = 0, port = 0;
    uint32_t priority = 0;
    in >> foundation >> component >> protocol >> priority >> address >> port;
    sockaddr_in socket_address{};
    socket_address.sin_family = AF_INET;
    socket_address.sin_port = htons(uint16_t(port));
    if (component == 1 && g_ascii_strcasecmp(protocol.c_str(), "udp") == 0 &&
        inet_pton(AF_INET, address.c_str(), &socket_address.sin_addr) == 1)
        section.candidates.push_back(socket_address);
}

void read_media_line(Section& section, const std::string& value) {
    std::istringstream in(value);
    in >> section.media >> section.port >> section.protocol;
    for (int payload_type; in >> payload_type;) section.payload_types.push_back(payload_type);
}

void read_group(Description& description, const std::string& value) {
    std::istringstream in(value);
    std::string word;
    in >> word;
    if (word != "BUNDLE")
        return;
    while (in >> word) description.bundle.push_back(word);
}

void read_attribute(Section& section, const std::string& name, const std::string& value) {
    if (name == "mid")
        section.mid = value;
    else if (name == "sendrecv" || name == "sendonly" || name == "recvonly" || name == "inactive")
        section.direction = name;
    else if (name == "rtpmap")
        section.rtpmap.insert(numbered(value));
    else if (name == "fmtp")
        section.fmtp.insert(numbered(value));
    else if (name == "rtcp-fb")
        section.feedback.insert(numbered(value));
    else if (name == "extmap")
        section.extensions.insert(numbered(value));
    else if (name == "rtcp-mux")
        section.rtcp_mux = true;
    else if (name == "ice-ufrag")
        section.ice.ufrag = value;
    else if (name == "ice-pwd")
        section.ice.pwd = value;
    else if (name == "setup")
        section.setup = value;
    else if (name == "candidate")
        add_candidate(section, value);
    else if (name == "fingerprint" && value.starts_with("sha-256 "))
        section.fingerprint = value.substr(strlen("sha-256 "));
    else if (name == "ssrc") {
        const auto ssrc = uint32_t(strtoul(value.c_str(), nullptr, 10));
        if (std::ranges::find(section.ssrcs, ssrc) == section.ssrcs.end())
            section.ssrcs.push_back(ssrc);
    } else if (name == "ssrc-group" && value.starts_with("FID ")) {
        std::istringstream in(value.substr(4));
        uint32_t media = 0, rtx = 0;
        in >> media >> rtx;
        section.fid = {media, rtx};
    }
}

}  // namespace

std::optional<Kind> Section::kind() const {
    if (media == "audio")
        return Kind::Audio;
    if (media == "video")
        return Kind::Video;
    return std::nullopt;
}

bool Section::sends() const {
    return port != 0 && (direction == "sendonly" || direction == "sendrecv");
}

std::optional<int> Section::payload_type(const std::string& codec) const {
    for (const int payload_type : payload_types) {
        const auto it = rtpmap.find(payload_type);
        if (it != rtpmap.end() &&
            g_ascii_strncasecmp(it->second.c_str(), (codec + "/").c_str(), codec.size() + 1) == 0)
            return payload_type;
    }
    return std::nullopt;
}

std::optional<int> Section::rtx_of(int payload_type) const {
    for (const auto& [rtx, parameters] : fmtp)
        if (parameters == "apt=" + std::to_string(payload_type))
            return rtx;
    return std::nullopt;
}

int Section::extension(const std::string& uri) const {
    for (const auto& [id, known] : extensions)
        if (known == uri)
            return id;
    return 0;
}

bool Section::has_feedback(const std::string& what) const {
    return std::ranges::any_of(feedback, [&](const auto& entry) { return entry.second == what; });
}

const Section* Description::find(const std::string& mid) const {
    const auto it = std::ranges::find(sections, mid, &Section::mid);
    return it == sections.end() ? nullptr : &*it;
}

const Section& Description::transport() const {
    const Section* first = bundle.empty() ? nullptr : find(bundle.front());
    return first ? *first : sections.front();
}

Result<Description> parse(const std::string& text) {
    if (!text.starts_with("v=0\r\n"))
        return Error{ErrorCode::InvalidArgument,
                     "SDP does not begin with v=0: \"" + text.substr(0, 40) + "\""};
    Description description;
    Section session;
    Section* section = &session;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.back() != '\r')
            return Error{ErrorCode::InvalidArgument, "an SDP line does not end in CRLF: \"" + line + "\""};
        line.pop_back();
        const std::string value = line.size() < 2 ? "" : line.substr(2);
        if (line.starts_with("o=")) {
            std::istringstream origin(value);
            std::string user;
            origin >> user >> description.session_id >> description.version;
        } else if (line.starts_with("m=")) {
            description.sections.push_back(session);  // What the session says holds for each section.
            section = &description.sections.back();
            read_media_line(*section, value);
        } else if (line == "a=ice-lite") {
            description.ice_lite = true;
        } else if (line.starts_with("a=group:")) {
            read_group(description, line.substr(strlen("a=group:")));
        } else if (line.starts_with("a=")) {
            const size_t colon = value.find(':');
            read_attribute(*section, value.substr(0, colon),
                           colon == std::string::npos ? "" : value.substr(colon + 1));
        }
    }
    if (description.sections.empty())
        return Error{ErrorCode::InvalidArgument, "SDP without an m-section"};
    return description;
}

}  // namespace sluice::peer::sdp
