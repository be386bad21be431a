#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::elements {

/// An RTP packet (RFC 3550 section 5.1) in memory of somebody else's, read and rewritten in place.
struct RtpPacket {
    uint8_t* data = nullptr;
    size_t size = 0;
    size_t extension = 0;  ///< Where the header extension's data begin; 0: there is none.
    size_t extension_size = 0;
    uint16_t profile = 0;     ///< Of the header extension.
    size_t payload = 0;       ///< Where the payload begins.
    size_t payload_size = 0;  ///< Without padding.

    /// False: not RTP.
    bool parse(uint8_t* bytes, size_t length);
    /// The same of one that is still encrypted: its padding counts as payload.
    bool parse_header(uint8_t* bytes, size_t length);

    int payload_type() const { return data[1] & 0x7f; }
    uint16_t sequence() const;
    uint32_t timestamp() const;
    uint32_t ssrc() const;
    /// The data of the first header extension with that id (RFC 8285); empty: there is none.
    std::span<const uint8_t> find_extension(uint8_t id) const;
    void set_payload_type(int type);
    void set_sequence(uint16_t sequence);
    void set_timestamp(uint32_t timestamp);
    void set_ssrc(uint32_t ssrc);
    /// `size` says where it ends then; what is behind stays in its memory.
    void drop_padding();
};

/// Which header extension ids become which. Set on one thread while another rewrites.
class ExtensionIds {
public:
    /// "4:1,3:2": the sender's id and ours. False: not of that form; nothing changes.
    bool set(std::string_view map);
    /// Renames elements in place (RFC 8285, one-byte and two-byte form); those without a name of ours become
    /// padding.
    void rewrite(RtpPacket& packet) const;

private:
    void rewrite_one_byte(uint8_t* p, size_t size) const;
    void rewrite_two_byte(uint8_t* p, size_t size) const;

    std::array<std::atomic<uint8_t>, 256> ours_{};
};

}  // namespace sluice::elements
