#include "elements/rtp_packet.h"

#include <charconv>
#include <cstring>

namespace sluice::elements {
namespace {

constexpr size_t kHeader = 12;
constexpr uint16_t kOneByte = 0xBEDE;
constexpr uint16_t kTwoByte = 0x1000, kTwoByteMask = 0xFFF0;
constexpr int kOneByteStop = 15;

uint16_t read16(const uint8_t* p) {
    return static_cast<uint16_t>(p[0] << 8 | p[1]);
}

void write16(uint8_t* p, uint16_t value) {
    p[0] = static_cast<uint8_t>(value >> 8);
    p[1] = static_cast<uint8_t>(value);
}

void write32(uint8_t* p, uint32_t value) {
    write16(p, static_cast<uint16_t>(value >> 16));
    write16(p + 2, static_cast<uint16_t>(value));
}

}  // namespace

bool RtpPacket::parse_header(uint8_t* bytes, size_t length) {
    *this = {};
    if (length < kHeader || bytes[0] >> 6 != 2)
        return false;
    size_t at = kHeader + 4u * (bytes[0] & 0x0f);
    if (bytes[0] & 0x10) {
        if (at + 4 > length)
            return false;
        profile = read16(bytes + at);
        extension_size = 4u * read16(bytes + at + 2);
        extension = at + 4;
        at = extension + extension_size;
    }
    if (at > length)
        return false;
    data = bytes;
    size = length;
    payload = at;
    payload_size = length - at;
    return true;
}

bool RtpPacket::parse(uint8_t* bytes, size_t length) {
    if (!parse_header(bytes, length))
        return false;
    if (bytes[0] & 0x20) {
        const size_t padding = payload_size > 0 ? bytes[length - 1] : 0;
        if (padding == 0 || padding > payload_size)
            return false;
        payload_size -= padding;
    }
    return true;
}

void RtpPacket::drop_padding() {
    data[0] &= 0xdf;
    size = payload + payload_size;
}

uint16_t RtpPacket::sequence() const {
    return read16(data + 2);
}

uint32_t RtpPacket::timestamp() const {
    return static_cast<uint32_t>(read16(data + 4)) << 16 | read16(data + 6);
}

uint32_t RtpPacket::ssrc() const {
    return uint32_t{read16(data + 8)} << 16 | read16(data + 10);
}

std::span<const uint8_t> RtpPacket::find_extension(uint8_t id) const {
    const bool one_byte = profile == kOneByte;
    if (extension == 0 || (!one_byte && (profile & kTwoByteMask) != kTwoByte))
        return {};
    const std::span<const uint8_t> elements(data + extension, extension_size);
    for (size_t at = 0; at + 2 <= elements.size();) {
        if (elements[at] == 0) {  // padding
            at++;
            continue;
        }
        const int found = one_byte ? elements[at] >> 4 : elements[at];
        const size_t length = one_byte ? 1u + (elements[at] & 0x0f) : elements[at + 1];
        at += one_byte ? 1 : 2;
        if ((one_byte && found == kOneByteStop) || length > elements.size() - at)
            return {};
        if (found == id)
            return elements.subspan(at, length);
        at += length;
    }
    return {};
}

void RtpPacket::set_payload_type(int type) {
    data[1] = static_cast<uint8_t>((data[1] & 0x80) | (type & 0x7f));
}

void RtpPacket::set_sequence(uint16_t sequence) {
    write16(data + 2, sequence);
}

void RtpPacket::set_timestamp(uint32_t timestamp) {
    write32(data + 4, timestamp);
}

void RtpPacket::set_ssrc(uint32_t ssrc) {
    write32(data + 8, ssrc);
}

bool ExtensionIds::set(std::string_view map) {
    std::array<uint8_t, 256> ids{};
    while (!map.empty()) {
        const auto pair = map.substr(0, map.find(','));
        map.remove_prefix(pair.size() < map.size() ? pair.size() + 1 : pair.size());
        unsigned theirs = 0, ours = 0;
        const char* end = pair.data() + pair.size();
        const auto first = std::from_chars(pair.data(), end, theirs);
        if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':' || theirs < 1 || theirs > 255)
            return false;
        const auto second = std::from_chars(first.ptr + 1, end, ours);
        if (second.ec != std::errc() || second.ptr != end || ours < 1 || ours > 14)
            return false;
        ids[theirs] = static_cast<uint8_t>(ours);
    }
    for (size_t i = 0; i < ids.size(); i++) ours_[i].store(ids[i], std::memory_order_relaxed);
    return true;
}

void ExtensionIds::rewrite(RtpPacket& packet) const {
    if (packet.extension == 0)
        return;
    uint8_t* p = packet.data + packet.extension;
    if (packet.profile == kOneByte)
        rewrite_one_byte(p, packet.extension_size);
    else if ((packet.profile & kTwoByteMask) == kTwoByte)
        rewrite_two_byte(p, packet.extension_size);
    else
        memset(p, 0, packet.extension_size);
}

void ExtensionIds::rewrite_one_byte(uint8_t* p, size_t size) const {
    for (size_t at = 0; at < size;) {
        const int id = p[at] >> 4;
        const size_t length = 2u + (p[at] & 0x0f);  // with the byte of the id itself
        if (p[at] == 0) {
            at++;
            continue;
        }
        const uint8_t ours = ours_[static_cast<size_t>(id)].load(std::memory_order_relaxed);
        if (id == kOneByteStop || length > size - at) {  // nothing behind it may be read
            memset(p + at, 0, size - at);
            return;
        }
        if (id != 0 && ours != 0)
            p[at] = static_cast<uint8_t>(ours << 4 | (p[at] & 0x0f));
        else
            memset(p + at, 0, length);
        at += length;
    }
}

void ExtensionIds::rewrite_two_byte(uint8_t* p, size_t size) const {
    for (size_t at = 0; at < size;) {
        if (p[at] == 0) {
            at++;
            continue;
        }
        if (size - at < 2 || 2u + p[at + 1] > size - at) {
            memset(p + at, 0, size - at);
            return;
        }
        const size_t length = 2u + p[at + 1];
        const uint8_t ours = ours_[p[at]].load(std::memory_order_relaxed);
        if (ours != 0)
            p[at] = ours;
        else
            memset(p + at, 0, length);
        at += length;
    }
}

}  // namespace sluice::elements
