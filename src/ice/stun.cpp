#include "ice/stun.h"

#include <algorithm>
#include <cstring>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace sluice::ice::stun {
namespace {

constexpr size_t kHeader = 20;
constexpr uint32_t kCookie = 0x2112A442;
constexpr uint32_t kFingerprintMask = 0x5354554E;
constexpr size_t kIntegritySize = 20;
constexpr size_t kFingerprintSize = 8;
/// Ours are far smaller and a peer's too; what is larger is not worth hashing.
constexpr size_t kMaxSize = 1280;

enum Attribute : uint16_t {
    kUsername = 0x0006,
    kMessageIntegrity = 0x0008,
    kErrorCode = 0x0009,
    kUnknownAttributes = 0x000A,
    kXorMappedAddress = 0x0020,
    kPriority = 0x0024,
    kUseCandidate = 0x0025,
    kFingerprint = 0x8028,
    kIceControlled = 0x8029,
    kIceControlling = 0x802A,
};
constexpr uint16_t kComprehensionOptional = 0x8000;

uint16_t read16(const uint8_t* p) {
    return static_cast<uint16_t>(p[0] << 8 | p[1]);
}

uint32_t read32(const uint8_t* p) {
    return static_cast<uint32_t>(read16(p)) << 16 | read16(p + 2);
}

void write16(uint8_t* p, uint16_t value) {
    p[0] = static_cast<uint8_t>(value >> 8);
    p[1] = static_cast<uint8_t>(value);
}

void write32(uint8_t* p, uint32_t value) {
    write16(p, static_cast<uint16_t>(value >> 16));
    write16(p + 2, static_cast<uint16_t>(value));
}

constexpr auto kCrcTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
        table[i] = value;
    }
    return table;
}();

uint32_t fingerprint_of(std::span<const uint8_t> bytes) {
    uint32_t crc = ~0u;
    for (const auto byte : bytes) crc = kCrcTable[(crc ^ byte) & 255] ^ (crc >> 8);
    return ~crc ^ kFingerprintMask;
}

/// HMAC-SHA1 over what stands before the attribute, the header's length counting the attribute too.
std::array<uint8_t, kIntegritySize> integrity_of(std::span<const uint8_t> before, std::string_view key) {
    std::array<uint8_t, kMaxSize> bytes;
    std::ranges::copy(before, bytes.begin());
    write16(bytes.data() + 2, static_cast<uint16_t>(before.size() + 4 + kIntegritySize - kHeader));
    std::array<uint8_t, kIntegritySize> hash{};
    unsigned size = kIntegritySize;
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), bytes.data(), before.size(), hash.data(),
         &size);
    return hash;
}

constexpr size_t padded(size_t size) {
    return (size + 3) & ~size_t{3};
}

/// At its end, as it must stand in every message of ICE (RFC 8445 section 7), and right. Tells most junk
/// before anything else is looked at.
bool has_fingerprint(std::span<const uint8_t> datagram) {
    const auto at = datagram.size() - kFingerprintSize;
    const uint8_t* p = datagram.data() + at;
    return read16(p) == kFingerprint && read16(p + 2) == 4 &&
           fingerprint_of(datagram.first(at)) == read32(p + 4);
}

/// False: the message is malformed.
bool read_attribute(Message& message, uint16_t type, std::span<const uint8_t> value, size_t at) {
    switch (type) {
        case kUsername:  // the first of several counts (section 14)
            if (message.username.empty())
                message.username = {reinterpret_cast<const char*>(value.data()), value.size()};
            return value.size() <= 513;
        case kMessageIntegrity:
            message.integrity_at = at;
            return value.size() == kIntegritySize;
        case kPriority:
            if (value.size() == 4)
                message.priority = read32(value.data());
            return value.size() == 4;
        case kUseCandidate:
            message.use_candidate = true;
            return true;
        case kIceControlled:
            message.controlled = true;
            return value.size() == 8;
        case kIceControlling:
            return value.size() == 8;
        case kFingerprint:  // has_fingerprint() has looked at the one at the end
            return at + kFingerprintSize == message.datagram.size();
        case kXorMappedAddress:
        case kErrorCode:
        case kUnknownAttributes:
            return true;
        default:
            if (type < kComprehensionOptional && message.unknown_attribute == 0)
                message.unknown_attribute = type;
            return true;
    }
}

}  // namespace

std::optional<Message> parse(std::span<const uint8_t> datagram) {
    const uint8_t* p = datagram.data();
    const size_t size = datagram.size();
    if (size < kHeader + kFingerprintSize || size > kMaxSize || size % 4 != 0 || (p[0] & 0xC0) != 0 ||
        read32(p + 4) != kCookie || read16(p + 2) + kHeader != size || !has_fingerprint(datagram))
        return std::nullopt;
    Message message;
    message.type = static_cast<Type>(read16(p));
    message.datagram = datagram;
    std::copy_n(p + 8, message.transaction.size(), message.transaction.begin());
    for (size_t at = kHeader; at < size;) {
        if (size - at < 4)
            return std::nullopt;
        const uint16_t type = read16(p + at);
        const size_t length = read16(p + at + 2);
        if (length > size - at - 4)
            return std::nullopt;
        // What follows MESSAGE-INTEGRITY is not protected by it: only FINGERPRINT may.
        const bool counts = message.integrity_at == 0 || type == kFingerprint;
        if (counts && !read_attribute(message, type, datagram.subspan(at + 4, length), at))
            return std::nullopt;
        at += 4 + padded(length);
    }
    return message;
}

bool Message::verify(std::string_view key) const {
    if (integrity_at == 0)
        return false;
    const auto expected = integrity_of(datagram.first(integrity_at), key);
    return CRYPTO_memcmp(expected.data(), datagram.data() + integrity_at + 4, kIntegritySize) == 0;
}

Writer::Writer(Type type, const TransactionId& transaction) : size_(kHeader) {
    write16(bytes_.data(), static_cast<uint16_t>(type));
    write32(bytes_.data() + 4, kCookie);
    std::ranges::copy(transaction, bytes_.begin() + 8);
}

void Writer::add(uint16_t type, std::span<const uint8_t> value) {
    if (size_ + 4 + padded(value.size()) > bytes_.size())
        return;
    write16(bytes_.data() + size_, type);
    write16(bytes_.data() + size_ + 2, static_cast<uint16_t>(value.size()));
    std::ranges::copy(value, bytes_.begin() + static_cast<std::ptrdiff_t>(size_) + 4);
    size_ += 4 + padded(value.size());
    write16(bytes_.data() + 2, static_cast<uint16_t>(size_ - kHeader));
}

void Writer::username(std::string_view value) {
    add(kUsername, {reinterpret_cast<const uint8_t*>(value.data()), value.size()});
}

void Writer::priority(uint32_t value) {
    uint8_t bytes[4];
    write32(bytes, value);
    add(kPriority, bytes);
}

void Writer::controlled(uint64_t tie_breaker) {
    uint8_t bytes[8];
    write32(bytes, static_cast<uint32_t>(tie_breaker >> 32));
    write32(bytes + 4, static_cast<uint32_t>(tie_breaker));
    add(kIceControlled, bytes);
}

void Writer::xor_mapped_address(const Endpoint& address) {
    uint8_t bytes[20] = {};
    const auto ip = address.address_bytes();
    bytes[1] = ip.size() == 4 ? 1 : 2;
    write16(bytes + 2, static_cast<uint16_t>(address.port() ^ (kCookie >> 16)));
    // The mask is the cookie and then the transaction id, as they stand in the header (section 14.2).
    for (size_t i = 0; i < ip.size(); i++) bytes[4 + i] = ip[i] ^ bytes_[4 + i];
    add(kXorMappedAddress, {bytes, 4 + ip.size()});
}

void Writer::error(ErrorNumber number, std::string_view reason) {
    uint8_t bytes[64] = {};
    const int code = static_cast<int>(number);
    bytes[2] = static_cast<uint8_t>(code / 100);
    bytes[3] = static_cast<uint8_t>(code % 100);
    const size_t size = std::min(reason.size(), sizeof bytes - 4);
    memcpy(bytes + 4, reason.data(), size);
    add(kErrorCode, {bytes, 4 + size});
}

void Writer::unknown_attribute(uint16_t type) {
    uint8_t bytes[2];
    write16(bytes, type);
    add(kUnknownAttributes, bytes);
}

std::span<const uint8_t> Writer::finish(std::string_view key) {
    add(kMessageIntegrity, integrity_of({bytes_.data(), size_}, key));
    write16(bytes_.data() + 2, static_cast<uint16_t>(size_ + kFingerprintSize - kHeader));
    uint8_t crc[4];
    write32(crc, fingerprint_of({bytes_.data(), size_}));
    add(kFingerprint, crc);
    return {bytes_.data(), size_};
}

}  // namespace sluice::ice::stun
