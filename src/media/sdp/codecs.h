#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "media/sdp/description.h"

namespace sluice::media::sdp {

/// A codec that the server can take.
struct KnownCodec {
    const char* name;  ///< As registered.
    Kind kind;
    uint32_t clock_rate;
    int channels;
    int payload_type;  ///< Towards consumers.
    /// Those of fmtp that describe the stream or how it is to be sent. Others speak of what the peer itself
    /// can receive (VP8's and VP9's max-fs) and would bind the wrong end when repeated.
    std::initializer_list<std::string_view> parameters;
};

/// By name in any case; null if the server does not know it.
const KnownCodec* find_codec(std::string_view name);
/// Whether `offered` is that codec in a form that the server takes (H264 only with packetization-mode=1).
bool matches(const Codec& offered, const KnownCodec& known);
/// What of `fmtp` is repeated to the producer and told to consumers.
std::string kept_parameters(const KnownCodec& known, std::string_view fmtp);
bool is_rtx(const Codec& codec);

}  // namespace sluice::media::sdp
