#include <algorithm>
#include <set>

#include "peer/sdp.h"

namespace sluice::peer::sdp {
namespace {

Error refused(const Section& section, const std::string& why) {
    return {ErrorCode::Unacceptable, "m-section \"" + section.mid + "\": " + why};
}

/// What holds for every description (RFC 8829 section 5.8, RFC 8843, RFC 8842).
Status check_sections(const Description& description) {
    std::set<std::string> mids;
    std::set<uint32_t> ssrcs;
    std::map<int, std::string> codecs;
    for (const Section& section : description.sections) {
        if (section.mid.empty() || !mids.insert(section.mid).second)
            return refused(section, "its mid is missing or not unique");
        const bool bundled = std::ranges::find(description.bundle, section.mid) != description.bundle.end();
        if (section.port == 0) {
            if (bundled)
                return refused(section, "it is rejected, yet in the BUNDLE group");
            continue;
        }
        if (!bundled)
            return refused(section, "it is not in the BUNDLE group");
        if (section.kind() && !section.rtcp_mux)
            return refused(section, "it has no rtcp-mux");
        if (section.ice.ufrag.size() < 4 || section.ice.pwd.size() < 22)
            return refused(section, "its ICE credentials are missing or too short");
        if (section.fingerprint.empty())
            return refused(section, "it has no sha-256 fingerprint");
        for (const uint32_t ssrc : section.ssrcs)
            if (!ssrcs.insert(ssrc).second)
                return refused(section, "SSRC " + std::to_string(ssrc) + " stands in another section too");
        for (const auto& [payload_type, codec] : section.rtpmap) {
            const auto known = codecs.emplace(payload_type, codec).first;
            if (known->second != codec)
                return refused(section, "payload type " + std::to_string(payload_type) + " is " + codec +
                                            " and " + known->second);
        }
    }
    if (description.transport().candidates.empty())
        return refused(description.transport(), "it has no UDP candidate over IPv4");
    return Ok{};
}

bool answers(const std::string& offered, const std::string& answered) {
    if (offered == "sendonly")
        return answered == "recvonly" || answered == "inactive";
    if (offered == "recvonly")
        return answered == "sendonly" || answered == "inactive";
    return offered == "sendrecv" || answered == "inactive";
}

Status check_answered_section(const Section& offered, const Section& section) {
    if (section.mid != offered.mid || section.media != offered.media || section.protocol != offered.protocol)
        return refused(section, "it stands where \"" + offered.mid + "\" was offered");
    if (section.port == 0)
        return Ok{};
    if (offered.port == 0)
        return refused(section, "it was offered as rejected, and answered as accepted");
    if (!answers(offered.direction, section.direction))
        return refused(section, offered.direction + " was answered " + section.direction);
    if (section.setup != "active" && section.setup != "passive")
        return refused(section, "it answers setup:" + section.setup);
    for (const int payload_type : section.payload_types) {
        const auto codec = section.rtpmap.find(payload_type);
        const auto theirs = offered.rtpmap.find(payload_type);
        if (codec == section.rtpmap.end() || theirs == offered.rtpmap.end() ||
            codec->second != theirs->second)
            return refused(section, "payload type " + std::to_string(payload_type) + " was not offered so");
    }
    for (const auto& [id, uri] : section.extensions) {
        const auto theirs = offered.extensions.find(id);
        if (theirs == offered.extensions.end() || theirs->second != uri)
            return refused(section,
                           "header extension " + std::to_string(id) + " " + uri + " was not offered so");
    }
    return Ok{};
}

}  // namespace

Status check_offer(const Description& offer) {
    if (auto status = check_sections(offer); !status)
        return status;
    for (const Section& section : offer.sections)
        if (section.port != 0 && section.setup != "actpass")
            return refused(section, "it offers setup:" + section.setup + ", not actpass");
    return Ok{};
}

Status check_reoffer(const Description& before, const Description& offer) {
    if (auto status = check_offer(offer); !status)
        return status;
    if (offer.session_id != before.session_id || offer.version <= before.version)
        return Error{ErrorCode::Unacceptable, "o= went from " + before.session_id + " " +
                                                  std::to_string(before.version) + " to " + offer.session_id +
                                                  " " + std::to_string(offer.version)};
    if (offer.sections.size() < before.sections.size())
        return Error{ErrorCode::Unacceptable, "an m-section has gone"};
    for (size_t i = 0; i < before.sections.size(); i++) {
        const Section& was = before.sections[i];
        const Section& is = offer.sections[i];
        if (was.port != 0 && (is.mid != was.mid || is.media != was.media))
            return refused(is, "it stands where \"" + was.mid + "\" was");
        for (const auto& [id, uri] : is.extensions)
            if (was.mid == is.mid && was.extensions.contains(id) && was.extensions.at(id) != uri)
                return refused(is, "header extension " + std::to_string(id) + " has changed its meaning");
        for (const auto& [payload_type, codec] : is.rtpmap)
            if (was.mid == is.mid && was.rtpmap.contains(payload_type) &&
                was.rtpmap.at(payload_type) != codec)
                return refused(is,
                               "payload type " + std::to_string(payload_type) + " has changed its meaning");
    }
    return Ok{};
}

Status check_answer(const Description& offer, const Description& answer) {
    if (auto status = check_sections(answer); !status)
        return status;
    if (answer.sections.size() != offer.sections.size())
        return Error{ErrorCode::Unacceptable, "the answer has " + std::to_string(answer.sections.size()) +
                                                  " m-sections, the offer " +
                                                  std::to_string(offer.sections.size())};
    for (size_t i = 0; i < offer.sections.size(); i++)
        if (auto status = check_answered_section(offer.sections[i], answer.sections[i]); !status)
            return status;
    return Ok{};
}

}  // namespace sluice::peer::sdp
