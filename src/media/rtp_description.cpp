#include "media/rtp_description.h"

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <unistd.h>
#include <variant>

namespace sluice::media {
namespace {

/// What is in a file, until that has been replaced or taken away: a segment may end while another begins.
std::mutex files;

/// Empty: the template has no such hole.
std::string text_of(const SegmentPlan& plan, const std::string& hole) {
    const auto& standard = plan.chain->defaults();
    auto value = plan.values.find(hole);
    if (value == plan.values.end() && (value = standard.find(hole)) == standard.end())
        return {};
    const auto* number = std::get_if<long>(&value->second);
    return number ? std::to_string(*number) : std::get<std::string>(value->second);
}

std::string description_of(const SegmentPlan& plan) {
    const auto host = text_of(plan, "host");
    const auto address = std::string(" IN ") + (host.find(':') == std::string::npos ? "IP4 " : "IP6 ") + host;
    std::string text = "v=0\r\no=- 0 " + std::to_string(plan.number) + address +
                       "\r\ns=" + plan.sidecar.user + " in " + plan.sidecar.room +
                       "\r\nc=" + address.substr(1) + "\r\nt=0 0\r\n";
    for (const auto& lane : plan.lanes) {
        const auto& codec = lane.track.codec;
        const auto type = std::to_string(codec.payload_type);
        text += "m=" + lane.kind + " " + text_of(plan, lane.kind + "-port") + " RTP/AVP " + type + "\r\n";
        text += "a=rtpmap:" + type + " " + codec.name + "/" + std::to_string(codec.clock_rate) +
                (codec.channels > 0 ? "/" + std::to_string(codec.channels) : "") + "\r\n";
        if (!codec.fmtp.empty())
            text += "a=fmtp:" + type + " " + codec.fmtp + "\r\n";
        if (const auto rtcp = text_of(plan, lane.kind + "-rtcp-port"); !rtcp.empty())
            text += "a=rtcp:" + rtcp + "\r\n";
    }
    return text;
}

/// Empty: it cannot be read.
std::string text_at(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace

Status write_rtp_description(const std::string& path, const SegmentPlan& plan) {
    std::lock_guard lock(files);
    const auto text = description_of(plan), present = text_at(path);
    if (present == text)
        return Ok{};
    std::error_code error;
    if (std::filesystem::exists(path, error) && !present.starts_with("v=0"))
        return Error{ErrorCode::Internal, path + ": is there already, and no SDP"};
    if (const auto made = make_folder_of(path); !made)
        return made.error();
    return write_whole(path, text);
}

void remove_rtp_description(const std::string& path, const SegmentPlan& plan) {
    std::lock_guard lock(files);
    if (text_at(path) == description_of(plan))
        unlink(path.c_str());
}

}  // namespace sluice::media
