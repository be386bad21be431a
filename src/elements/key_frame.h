#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::elements {

enum class Codec { Opus, Vp8, Vp9, H264, Av1 };

/// "opus", "VP8", "VP9", "H264", "AV1".
std::optional<Codec> codec_from(std::string_view name);
inline bool is_video(Codec codec) {
    return codec != Codec::Opus;
}

/// Finds the packets at which a decoder can begin. Any bytes are safe. One stream, one thread.
class KeyFrameFinder {
public:
    explicit KeyFrameFinder(Codec codec) : codec_(codec) {}

    /// Whether the RTP payload is the first packet of a key frame: VP8 RFC 7741 section 4, VP9 RFC 9628
    /// section 4.2, H264 RFC 6184 section 5 (the SPS that leads an IDR picture, or the IDR picture itself),
    /// AV1 RTP specification section 4.4 (N bit).
    bool begins(const uint8_t* payload, size_t size, uint32_t timestamp);

private:
    bool h264(const uint8_t* payload, size_t size, uint32_t timestamp);

    Codec codec_;
    std::optional<uint32_t> begun_;  ///< H264: the timestamp of the key frame that has begun already.
};

}  // namespace sluice::elements
