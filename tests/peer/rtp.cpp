#include "peer/rtp.h"

#include <algorithm>

namespace sluice::peer::rtp {
namespace {

constexpr size_t kFixedHeader = 12;
constexpr uint32_t kMagic = 0x536C4D6B;

/// 6.18 fixed point seconds.
uint32_t abs_send_time() {
    return uint32_t((uint64_t(now().count() / 1000) << 18) / 1'000'000) & 0xFFFFFF;
}

void write_vp8(Writer& out, bool first_of_frame, bool key_frame, uint16_t picture_id) {
    out.u8(0x80 | (first_of_frame ? 0x10 : 0)).u8(0x80).u16(0x8000U | picture_id);  // X, S; I; 15 bits
    if (!first_of_frame)
        return;
    // RFC 6386 section 9.1: not a key frame, version 0, shown, a plausible size of the first partition.
    // Little-endian.
    const uint32_t tag = (key_frame ? 0 : 1) | 1 << 4 | 1000 << 5;
    out.u8(tag).u8(tag >> 8).u8(tag >> 16);
    if (!key_frame)
        return;
    out.u24(0x9D012A).u8(640 & 255).u8(640 >> 8).u8(360 & 255).u8(360 >> 8);
    out.u32(0).u32(0);  // Section 9.2 on: nothing out of the ordinary, and one partition. ffmpeg looks there
                        // for the size.
}

std::optional<Frame> read_vp8(Bytes payload) {
    constexpr size_t kDescriptor = 4;
    if (payload.size() < kDescriptor + 6 || (payload[0] & 0xEF) != 0x80 || payload[1] != 0x80)
        return std::nullopt;
    Frame vp8;
    vp8.first_of_frame = payload[0] & 0x10;
    vp8.key_frame = vp8.first_of_frame && !(payload[kDescriptor] & 1);
    if (vp8.key_frame && get24(&payload[kDescriptor + 3]) != 0x9D012A)
        return std::nullopt;
    return vp8;
}

/// Of the codecs whose beginnings do not vary.
Packet beginning(const std::string& codec, bool first_of_frame, bool key_frame) {
    if (codec == "VP9")  // P; B; one flag of each is enough
        return {uint8_t((key_frame ? 0 : 0x40) | (first_of_frame ? 0x08 : 0)), 0x82};
    if (codec == "H264") {
        if (first_of_frame && key_frame)
            return {0x67, 0x42, 0xc0, 0x1f};              // an SPS
        const uint8_t start = first_of_frame ? 0x80 : 0;  // FU-A of an IDR slice or another one
        return {0x7c, uint8_t(start | (key_frame ? 5 : 1))};
    }
    if (codec == "AV1")  // Z; N
        return {uint8_t((first_of_frame ? 0 : 0x80) | 0x10 | (first_of_frame && key_frame ? 0x08 : 0)), 0x32};
    return {};
}

}  // namespace

void write_header(Writer& out, const Header& header, const ExtensionIds& ids, const Extensions& values) {
    Writer extensions;
    if (ids.abs_send_time)
        extensions.u8(uint32_t(ids.abs_send_time) << 4 | 2).u24(abs_send_time());
    if (ids.transport_cc)
        extensions.u8(uint32_t(ids.transport_cc) << 4 | 1).u16(values.transport_sequence);
    if (ids.mid && !values.mid.empty())
        extensions.u8(uint32_t(ids.mid) << 4 | uint32_t(values.mid.size() - 1)).text(values.mid);
    if (ids.audio_level)
        extensions.u8(uint32_t(ids.audio_level) << 4).u8(0x80 | 30);
    extensions.pad(4);

    const bool extended = extensions.size() > 0;
    out.u8(extended ? 0x90 : 0x80).u8(header.payload_type | (header.marker ? 0x80U : 0U));
    out.u16(header.sequence).u32(header.timestamp).u32(header.ssrc);
    if (extended)
        out.u16(0xBEDE).u16(uint32_t(extensions.size() / 4)).bytes({extensions.data(), extensions.size()});
}

std::optional<Parsed> parse(Bytes packet, int transport_cc) {
    if (packet.size() < kFixedHeader || packet[0] >> 6 != 2)
        return std::nullopt;
    const uint8_t* p = packet.data();
    Parsed parsed;
    parsed.header = {uint8_t(p[1] & 0x7F), (p[1] & 0x80) != 0, uint16_t(get16(p + 2)), get32(p + 4),
                     get32(p + 8)};
    size_t at = kFixedHeader + 4 * size_t(p[0] & 15);
    if (p[0] & 0x10) {
        if (packet.size() < at + 4)
            return std::nullopt;
        const size_t end = at + 4 + 4 * size_t(get16(p + at + 2));
        if (packet.size() < end)
            return std::nullopt;
        for (at += 4; at < end;) {
            const size_t length = p[at] ? size_t(p[at] & 15) + 1 : 0;
            if (p[at])
                parsed.extension_ids |= 1U << (p[at] >> 4);
            if (transport_cc && p[at] >> 4 == transport_cc && length == 2 && at + 2 < end)
                parsed.transport_sequence = uint16_t(get16(p + at + 1));
            at += 1 + length;
        }
        at = end;
    }
    const size_t padding = p[0] & 0x20 ? p[packet.size() - 1] : 0;
    if (packet.size() < at + padding)
        return std::nullopt;
    parsed.header_size = at;
    parsed.payload = packet.subspan(at, packet.size() - at - padding);
    return parsed;
}

void write_mark(Writer& out, const Mark& mark) {
    out.u32(kMagic).u32(mark.track).u32(mark.number).u64(uint64_t(mark.sent.count()));
}

std::optional<Mark> read_mark(Bytes payload) {
    if (payload.size() < Mark::kSize)
        return std::nullopt;
    const uint8_t* p = payload.last(Mark::kSize).data();
    if (get32(p) != kMagic)
        return std::nullopt;
    return Mark{get32(p + 4), get32(p + 8), Time(get64(p + 12))};
}

void write_frame(Writer& out, const std::string& codec, bool first_of_frame, bool key_frame,
                 uint16_t picture_id) {
    if (codec == "VP8")
        write_vp8(out, first_of_frame, key_frame, picture_id);
    else
        out.bytes(beginning(codec, first_of_frame, key_frame));
}

std::optional<Frame> read_frame(const std::string& codec, Bytes payload) {
    if (codec == "VP8")
        return read_vp8(payload);
    for (const bool first : {true, false})
        for (const bool key : {true, false}) {
            const auto begins = beginning(codec, first, key);
            if (!begins.empty() && payload.size() >= begins.size() &&
                std::ranges::equal(begins, payload.first(begins.size())))
                return Frame{first, first && key};
        }
    return std::nullopt;
}

}  // namespace sluice::peer::rtp
