#include "media/sdp/codecs.h"

#include <algorithm>

#include "media/sdp/grammar.h"

namespace sluice::media::sdp {
namespace {

const KnownCodec kCodecs[] = {
    {"opus",
     Kind::Audio,
     48000,
     2,
     111,
     {"minptime", "useinbandfec", "usedtx", "stereo", "sprop-stereo", "cbr", "maxaveragebitrate",
      "maxplaybackrate"}},
    {"VP8", Kind::Video, 90000, 0, 100, {}},
    {"VP9", Kind::Video, 90000, 0, 101, {"profile-id"}},
    {"H264",
     Kind::Video,
     90000,
     0,
     102,
     {"level-asymmetry-allowed", "packetization-mode", "profile-level-id"}},
    {"AV1", Kind::Video, 90000, 0, 103, {"level-idx", "profile", "tier"}},
};

}  // namespace

const KnownCodec* find_codec(std::string_view name) {
    const auto found = std::ranges::find_if(
        kCodecs, [&](const KnownCodec& known) { return equals_ignoring_case(known.name, name); });
    return found == std::end(kCodecs) ? nullptr : found;
}

bool matches(const Codec& offered, const KnownCodec& known) {
    if (!equals_ignoring_case(offered.name, known.name) || offered.clock_rate != known.clock_rate)
        return false;
    if (known.channels > 0 && offered.channels != known.channels)
        return false;
    return std::string_view(known.name) != "H264" || parameter(offered.fmtp, "packetization-mode") == "1";
}

std::string kept_parameters(const KnownCodec& known, std::string_view fmtp) {
    std::string kept;
    for (const auto& [name, value] : parameters(fmtp)) {
        const auto wanted = std::ranges::find_if(known.parameters, [sent = name](std::string_view each) {
            return equals_ignoring_case(each, sent);
        });
        if (wanted == known.parameters.end() || !is_token(value, 32))
            continue;
        kept += (kept.empty() ? "" : ";") + std::string(*wanted) + "=" + std::string(value);
    }
    return kept;
}

bool is_rtx(const Codec& codec) {
    return equals_ignoring_case(codec.name, "rtx");
}

}  // namespace sluice::media::sdp
