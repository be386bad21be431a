#include "peer/stun.h"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

namespace sluice::peer::stun {
namespace {

constexpr uint32_t kCookie = 0x2112A442;
constexpr size_t kHeader = 20;
constexpr size_t kIntegrity = 20;

enum Attribute : uint16_t {
    Username = 0x0006,
    MessageIntegrity = 0x0008,
    ErrorCode = 0x0009,
    XorMappedAddress = 0x0020,
    Priority = 0x0024,
    UseCandidate = 0x0025,
    Fingerprint = 0x8028,
    IceControlled = 0x8029,
    IceControlling = 0x802A
};

using Digest = std::array<uint8_t, kIntegrity>;

/// The length field counts up to the end of MESSAGE-INTEGRITY while it is computed (RFC 8489 section 14.5).
Digest integrity_of(Bytes up_to_attribute, const std::string& key) {
    Packet text(up_to_attribute.begin(), up_to_attribute.end());
    put16(&text[2], uint32_t(text.size() - kHeader + 4 + kIntegrity));
    Digest digest;
    HMAC(EVP_sha1(), key.data(), int(key.size()), text.data(), text.size(), digest.data(), nullptr);
    return digest;
}

uint32_t crc32(Bytes bytes) {
    uint32_t crc = ~0U;
    for (const uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
    }
    return ~crc;
}

class MessageWriter {
public:
    MessageWriter(Type type, const TransactionId& id) { out_.u16(type).u16(0).u32(kCookie).bytes(id); }

    Writer& attribute(Attribute type, size_t length) { return out_.pad(4).u16(type).u16(uint32_t(length)); }

    Packet finish(const std::string& key) {
        out_.pad(4);
        const Digest digest = integrity_of({out_.data(), out_.size()}, key);
        attribute(MessageIntegrity, kIntegrity).bytes(digest);
        out_.set16(2, uint32_t(out_.size() + 8 - kHeader));
        const uint32_t crc = crc32({out_.data(), out_.size()}) ^ 0x5354554E;
        attribute(Fingerprint, 4).u32(crc);
        return out_.take();
    }

private:
    Writer out_;
};

}  // namespace

std::optional<Message> parse(Bytes datagram) {
    const uint8_t* p = datagram.data();
    if (datagram.size() < kHeader || p[0] > 3 || get32(p + 4) != kCookie ||
        get16(p + 2) + kHeader != datagram.size())
        return std::nullopt;
    Message message;
    message.type = uint16_t(get16(p));
    std::copy_n(p + 8, message.id.size(), message.id.begin());
    for (size_t at = kHeader; at + 4 <= datagram.size();) {
        const size_t length = get16(p + at + 2);
        const uint8_t* value = p + at + 4;
        if (at + 4 + length > datagram.size())
            return std::nullopt;
        switch (get16(p + at)) {
            case Username:
                message.username.assign(reinterpret_cast<const char*>(value), length);
                break;
            case UseCandidate:
                message.use_candidate = true;
                break;
            case ErrorCode:
                message.error = length < 4 ? 0 : (value[2] & 7) * 100 + value[3];
                break;
            case MessageIntegrity:
                message.integrity_offset = length == kIntegrity ? at : 0;
                break;
            default:
                break;
        }
        at += 4 + (length + 3) / 4 * 4;
    }
    return message;
}

bool authentic(Bytes datagram, const Message& message, const std::string& key) {
    if (!message.integrity_offset)
        return false;
    const Digest digest = integrity_of(datagram.first(message.integrity_offset), key);
    return CRYPTO_memcmp(digest.data(), &datagram[message.integrity_offset + 4], digest.size()) == 0;
}

Packet write_check(const Check& check) {
    // Of a peer-reflexive candidate: type preference 110, as a check's PRIORITY must be (RFC 8445
    // section 7.1.1).
    constexpr uint32_t kPriority = 110U << 24 | 65535U << 8 | 255U;
    MessageWriter out(BindingRequest, check.id);
    out.attribute(Username, check.username.size()).text(check.username);
    out.attribute(check.controlling ? IceControlling : IceControlled, 8).u64(check.tie_breaker);
    if (check.use_candidate)
        out.attribute(UseCandidate, 0);
    out.attribute(Priority, 4).u32(kPriority);
    return out.finish(check.key);
}

Packet write_response(const TransactionId& id, const sockaddr_in& mapped, const std::string& key) {
    MessageWriter out(BindingSuccess, id);
    out.attribute(XorMappedAddress, 8)
        .u16(1)
        .u16(ntohs(mapped.sin_port) ^ kCookie >> 16)
        .u32(ntohl(mapped.sin_addr.s_addr) ^ kCookie);
    return out.finish(key);
}

}  // namespace sluice::peer::stun
