#include "elements/key_frame.h"

namespace sluice::elements {
namespace {

bool vp8(const uint8_t* p, size_t size) {
    if (size < 1)
        return false;
    const bool begins_partition_0 = (p[0] & 0x10) && (p[0] & 0x07) == 0;
    size_t at = 1;
    if (p[0] & 0x80) {  // X: the extension byte says which fields follow
        if (size < 2)
            return false;
        const uint8_t extension = p[at++];
        if (extension & 0x80) {  // I: picture id, one byte or two
            if (at >= size)
                return false;
            at += p[at] & 0x80 ? 2 : 1;
        }
        at += extension & 0x40 ? 1 : 0;  // L
        at += extension & 0x30 ? 1 : 0;  // T or K
    }
    return begins_partition_0 && at < size && !(p[at] & 0x01);
}

bool vp9(const uint8_t* p, size_t size) {
    if (size < 1)
        return false;
    const bool picture_id = p[0] & 0x80, predicted = p[0] & 0x40, layers = p[0] & 0x20, begins = p[0] & 0x08;
    if (predicted || !begins)
        return false;
    if (!layers)
        return true;
    size_t at = 1;
    if (picture_id) {
        if (at >= size)
            return false;
        at += p[at] & 0x80 ? 2 : 1;
    }
    if (at >= size)
        return false;
    const int spatial_layer = (p[at] >> 1) & 0x07;
    const bool inter_layer = p[at] & 0x01;
    return spatial_layer == 0 && !inter_layer;
}

constexpr int kIdr = 5, kSps = 7, kStapA = 24, kFuA = 28;

bool opens_idr(int nal_type) {
    return nal_type == kIdr || nal_type == kSps;
}

bool h264_key(const uint8_t* p, size_t size) {
    if (size < 1)
        return false;
    const int type = p[0] & 0x1f;
    if (type == kFuA)
        return size >= 2 && (p[1] & 0x80) && opens_idr(p[1] & 0x1f);
    if (type != kStapA)
        return opens_idr(type);
    for (size_t at = 1; at + 3 <= size;) {
        const size_t length = static_cast<size_t>(p[at] << 8 | p[at + 1]);
        if (opens_idr(p[at + 2] & 0x1f))
            return true;
        at += 2 + length;
    }
    return false;
}

}  // namespace

std::optional<Codec> codec_from(std::string_view name) {
    constexpr std::pair<std::string_view, Codec> kNames[] = {{"opus", Codec::Opus},
                                                             {"VP8", Codec::Vp8},
                                                             {"VP9", Codec::Vp9},
                                                             {"H264", Codec::H264},
                                                             {"AV1", Codec::Av1}};
    for (const auto& [known, codec] : kNames)
        if (known == name)
            return codec;
    return std::nullopt;
}

bool KeyFrameFinder::h264(const uint8_t* payload, size_t size, uint32_t timestamp) {
    // SPS, PPS and the slices of one IDR picture share a timestamp: only the first of them is a beginning.
    if (!h264_key(payload, size) || begun_ == timestamp)
        return false;
    begun_ = timestamp;
    return true;
}

bool KeyFrameFinder::begins(const uint8_t* payload, size_t size, uint32_t timestamp) {
    switch (codec_) {
        case Codec::Opus:
            return false;
        case Codec::Vp8:
            return vp8(payload, size);
        case Codec::Vp9:
            return vp9(payload, size);
        case Codec::H264:
            return h264(payload, size, timestamp);
        case Codec::Av1:
            return size >= 1 && (payload[0] & 0x08);
    }
    return false;
}

}  // namespace sluice::elements
