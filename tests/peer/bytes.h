#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

/// Big-endian fields of packets, read and written.
namespace sluice::peer {

using Packet = std::vector<uint8_t>;
using Bytes = std::span<const uint8_t>;

inline uint32_t get16(const uint8_t* p) {
    return uint32_t(p[0]) << 8 | p[1];
}
inline uint32_t get24(const uint8_t* p) {
    return uint32_t(p[0]) << 16 | get16(p + 1);
}
inline uint32_t get32(const uint8_t* p) {
    return get16(p) << 16 | get16(p + 2);
}
inline uint64_t get64(const uint8_t* p) {
    return uint64_t(get32(p)) << 32 | get32(p + 4);
}

inline void put16(uint8_t* p, uint32_t v) {
    p[0] = uint8_t(v >> 8);
    p[1] = uint8_t(v);
}

/// Appends to a packet.
class Writer {
public:
    Writer& u8(uint32_t v) {
        packet_.push_back(uint8_t(v));
        return *this;
    }
    Writer& u16(uint32_t v) { return u8(v >> 8).u8(v); }
    Writer& u24(uint32_t v) { return u8(v >> 16).u16(v); }
    Writer& u32(uint32_t v) { return u16(v >> 16).u16(v); }
    Writer& u64(uint64_t v) { return u32(uint32_t(v >> 32)).u32(uint32_t(v)); }
    Writer& bytes(Bytes v) {
        packet_.insert(packet_.end(), v.begin(), v.end());
        return *this;
    }
    Writer& text(std::string_view v) {
        packet_.insert(packet_.end(), v.begin(), v.end());
        return *this;
    }
    /// Zeroes up to the next multiple of `alignment` octets.
    Writer& pad(size_t alignment) {
        while (packet_.size() % alignment) packet_.push_back(0);
        return *this;
    }
    /// Overwrites two octets that were written before.
    Writer& set16(size_t offset, uint32_t v) {
        put16(&packet_[offset], v);
        return *this;
    }
    size_t size() const { return packet_.size(); }
    const uint8_t* data() const { return packet_.data(); }
    Packet take() { return std::move(packet_); }

private:
    Packet packet_;
};

}  // namespace sluice::peer
