#include <algorithm>
#include <map>

#include "media/sdp/grammar.h"
#include "media/sdp/parsed.h"

namespace sluice::media::sdp {
namespace {

/// RFC 8829 section 5.1.2: those that mean DTLS-SRTP.
constexpr std::string_view kProtocols[] = {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF",
                                           "TCP/DTLS/RTP/SAVP", "RTP/SAVPF",        "RTP/SAVP"};

void settle(Parsed& parsed, Role role) {
    for (auto& [section, own, port_is_zero, bundle_only] : parsed.sections) {
        section.direction = own.direction.value_or(parsed.session.direction.value_or(Direction::SendRecv));
        // RFC 8843 section 6: bundle-only is for offers.
        section.rejected = port_is_zero && !(bundle_only && role == Role::Offer);
    }
}

Status check_mids(const Parsed& parsed) {
    std::vector<std::string> mids;
    for (size_t i = 0; i < parsed.sections.size(); i++) {
        const auto& section = parsed.sections[i].section;
        if (section.mid.empty()) {
            if (section.rejected)
                continue;
            return unacceptable(name_of(section, i) + " has no a=mid");
        }
        if (std::ranges::count(mids, section.mid) > 0)
            return unacceptable(name_of(section, i) + " has a mid that another m-section has too");
        mids.push_back(section.mid);
    }
    for (auto mid = parsed.bundle.begin(); mid != parsed.bundle.end(); ++mid) {
        if (std::count(parsed.bundle.begin(), mid, *mid) > 0)
            return unacceptable("a=group:BUNDLE names mid " + quoted(*mid) + " twice");
        if (std::ranges::count(mids, *mid) == 0)
            return unacceptable("a=group:BUNDLE names mid " + quoted(*mid) + ", which no m-section has");
    }
    return Ok{};
}

Status check_section(const Section& section, const std::string& name,
                     const std::vector<std::string>& bundle) {
    if (std::ranges::count(bundle, section.mid) == 0)
        return unacceptable(name + " is not in a=group:BUNDLE; all audio and video must be bundled");
    if (std::ranges::count(kProtocols, section.protocol) == 0)
        return unacceptable(name + " has protocol " + quoted(section.protocol) +
                            "; UDP/TLS/RTP/SAVPF is needed");
    if (!section.rtcp_mux)
        return unacceptable(name + " has no a=rtcp-mux");
    return Ok{};
}

/// What has to mean one thing in all of a bundle.
class Bundle {
public:
    Status add(Section& section, const std::string& name) {
        for (const auto& codec : section.codecs)
            if (const auto added = add(codec, name); !added)
                return added;
        // RFC 8843 section 12. aiortc (1.4) numbers each section's for itself; what is not answered is not
        // sent.
        std::erase_if(section.extensions, [this](const HeaderExtension& extension) {
            const bool differs = std::ranges::any_of(extensions_, [&](const HeaderExtension& known) {
                return (known.id == extension.id) != (known.uri == extension.uri);
            });
            if (!differs)
                extensions_.push_back(extension);
            return differs;
        });
        std::vector<uint32_t> own = section.ssrcs;
        for (const auto& [media, rtx] : section.fid)
            for (const auto ssrc : {media, rtx})
                if (std::ranges::count(own, ssrc) == 0)
                    own.push_back(ssrc);
        for (const auto ssrc : own)
            if (const auto& owner = owners_.emplace(ssrc, name).first->second; owner != name)
                return unacceptable(name + " has SSRC " + std::to_string(ssrc) + ", and so has " + owner);
        return Ok{};
    }

private:
    /// RFC 8843 section 9.1.
    Status add(const Codec& codec, const std::string& name) {
        if (codec.name.empty())
            return Ok{};
        const auto& known = *codecs_.emplace(codec.payload_type, &codec).first->second;
        if (!equals_ignoring_case(known.name, codec.name) || known.clock_rate != codec.clock_rate)
            return unacceptable(name + " has payload type " + std::to_string(codec.payload_type) + " for " +
                                codec.name + "/" + std::to_string(codec.clock_rate) +
                                ", another m-section of the bundle for " + known.name + "/" +
                                std::to_string(known.clock_rate));
        return Ok{};
    }

    std::map<int, const Codec*> codecs_;
    std::vector<HeaderExtension> extensions_;
    std::map<uint32_t, std::string> owners_;
};

Status check_sections(Parsed& parsed) {
    Bundle bundle;
    for (size_t i = 0; i < parsed.sections.size(); i++) {
        auto& section = parsed.sections[i].section;
        if (section.rejected || !section.kind)
            continue;
        const auto name = name_of(section, i);
        if (const auto checked = check_section(section, name, parsed.bundle); !checked)
            return checked;
        if (const auto added = bundle.add(section, name); !added)
            return added;
    }
    return Ok{};
}

/// RFC 8843 section 7.1: the first live section that BUNDLE names speaks for all.
Result<Transport> transport_of_bundle(const Parsed& parsed, Role role) {
    auto tagged = parsed.sections.end();
    for (const auto& mid : parsed.bundle) {
        tagged = std::ranges::find_if(parsed.sections, [&](const ParsedSection& candidate) {
            return candidate.section.mid == mid && !candidate.section.rejected && !candidate.port_is_zero;
        });
        if (tagged != parsed.sections.end())
            break;
    }
    if (tagged == parsed.sections.end())
        return unacceptable(role == Role::Offer ? "a=group:BUNDLE names no m-section with a port"
                                                : "every m-section is rejected");
    const auto& own = tagged->own;
    const auto& session = parsed.session;
    const auto& ice = own.ufrag.empty() && own.pwd.empty() ? session : own;
    Transport transport{.ufrag = ice.ufrag,
                        .pwd = ice.pwd,
                        .fingerprints = own.fingerprints.empty() ? session.fingerprints : own.fingerprints,
                        .setup = own.setup.empty() ? session.setup : own.setup,
                        .candidates = own.candidates};
    const auto name = name_of(tagged->section, static_cast<size_t>(tagged - parsed.sections.begin()));
    if (transport.ufrag.empty() || transport.pwd.empty())
        return unacceptable(name + " has no ICE credentials; a=ice-ufrag and a=ice-pwd are needed");
    if (transport.fingerprints.empty())
        return unacceptable(name +
                            " has no fingerprint of a known hash; an a=fingerprint with sha-256, sha-1, "
                            "sha-224, sha-384 or sha-512 is needed");
    if (transport.setup.empty())
        return unacceptable(name + " has no a=setup; actpass, active or passive is needed");
    if (role == Role::Answer && transport.setup == "actpass")
        return unacceptable(name + " answers with setup \"actpass\"; active or passive is needed");
    return transport;
}

}  // namespace

Result<Description> check(Parsed parsed, Role role) {
    if (parsed.sections.empty())
        return unacceptable("there is no m-section");
    settle(parsed, role);
    if (const auto mids = check_mids(parsed); !mids)
        return mids.error();
    if (const auto sections = check_sections(parsed); !sections)
        return sections.error();
    auto transport = transport_of_bundle(parsed, role);
    if (!transport)
        return transport.error();
    Description description{.session_id = std::move(parsed.session_id),
                            .sections = {},
                            .bundle = std::move(parsed.bundle),
                            .transport = std::move(transport).value()};
    for (auto& each : parsed.sections) description.sections.push_back(std::move(each.section));
    return description;
}

}  // namespace sluice::media::sdp
