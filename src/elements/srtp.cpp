#include "elements/srtp.h"

#include <cstring>
#include <openssl/crypto.h>

namespace sluice::elements {
namespace {

constexpr uint8_t kFirstRtpLabel = 0, kFirstRtcpLabel = 3;  // cipher; then authentication, salt
constexpr uint8_t kEncrypted = 0x80;                        // the E bit

/// RFC 3711 section 4.3.1, with a key derivation rate of 0.
void derive_key(std::span<const uint8_t> master, uint8_t label, std::span<uint8_t> out) {
    std::array<uint8_t, 16> iv{};
    memcpy(iv.data(), master.data() + SrtpKeys::kMasterKey, SrtpKeys::kMasterSalt);
    iv[7] ^= label;
    const std::array<uint8_t, 32> zeros{};
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                  EVP_CIPHER_CTX_free);
    int size = 0;
    EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, master.data(), iv.data());
    EVP_EncryptUpdate(context.get(), out.data(), &size, zeros.data(), static_cast<int>(out.size()));
}

void begin_hash(SHA_CTX& hash, std::span<const uint8_t> key, uint8_t pad) {
    std::array<uint8_t, SHA_CBLOCK> block{};
    memcpy(block.data(), key.data(), key.size());
    for (auto& byte : block) byte ^= pad;
    SHA1_Init(&hash);
    SHA1_Update(&hash, block.data(), block.size());
    OPENSSL_cleanse(block.data(), block.size());
}

std::array<uint8_t, 4> big_endian(uint32_t value) {
    return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
            static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

}  // namespace

void SrtpKeys::Session::derive(std::span<const uint8_t> master, uint8_t first_label) {
    std::array<uint8_t, SHA_DIGEST_LENGTH> authentication{};
    derive_key(master, first_label, cipher);
    derive_key(master, first_label + 1, authentication);
    derive_key(master, first_label + 2, salt);
    begin_hash(inner, authentication, 0x36);
    begin_hash(outer, authentication, 0x5c);
    OPENSSL_cleanse(authentication.data(), authentication.size());
}

std::shared_ptr<const SrtpKeys> SrtpKeys::derive(std::span<const uint8_t> master) {
    if (master.size() != kMasterKey + kMasterSalt)
        return nullptr;
    std::shared_ptr<SrtpKeys> keys(new SrtpKeys);
    keys->rtp_.derive(master, kFirstRtpLabel);
    keys->rtcp_.derive(master, kFirstRtcpLabel);
    return keys;
}

SrtpKeys::~SrtpKeys() {
    OPENSSL_cleanse(&rtp_, sizeof rtp_);
    OPENSSL_cleanse(&rtcp_, sizeof rtcp_);
}

SrtpCipher::SrtpCipher(std::shared_ptr<const SrtpKeys> keys, Kind kind)
    : keys_(std::move(keys)),
      session_(kind == Kind::Rtp ? keys_->rtp_ : keys_->rtcp_),
      context_(EVP_CIPHER_CTX_new()) {
    EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ctr(), nullptr, session_.cipher.data(), nullptr);
}

SrtpCipher::Vector SrtpCipher::vector(const uint8_t* ssrc, std::array<uint8_t, 6> index) const {
    Vector iv{};
    memcpy(iv.data(), session_.salt.data(), session_.salt.size());
    for (size_t i = 0; i < 4; i++) iv[4 + i] ^= ssrc[i];
    for (size_t i = 0; i < index.size(); i++) iv[8 + i] ^= index[i];
    return iv;
}

SrtpCipher::Vector SrtpCipher::rtp_vector(const uint8_t* packet, uint32_t roll_over) const {
    const auto wraps = big_endian(roll_over);
    return vector(packet + 8, {wraps[0], wraps[1], wraps[2], wraps[3], packet[2], packet[3]});
}

/// Counter mode: both directions are the same.
void SrtpCipher::crypt(const Vector& vector, const uint8_t* in, size_t size, uint8_t* out) {
    int written = 0;
    EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, vector.data());
    EVP_EncryptUpdate(context_.get(), out, &written, in, static_cast<int>(size));
}

SrtpCipher::Tag SrtpCipher::tag(const uint8_t* data, size_t size, std::span<const uint8_t> more) const {
    std::array<uint8_t, SHA_DIGEST_LENGTH> digest{};
    SHA_CTX hash = session_.inner;
    SHA1_Update(&hash, data, size);
    SHA1_Update(&hash, more.data(), more.size());
    SHA1_Final(digest.data(), &hash);
    hash = session_.outer;
    SHA1_Update(&hash, digest.data(), digest.size());
    SHA1_Final(digest.data(), &hash);
    Tag tag;
    memcpy(tag.data(), digest.data(), tag.size());
    return tag;
}

size_t SrtpCipher::protect(const uint8_t* packet, size_t size, size_t payload, uint16_t sequence,
                           uint32_t roll_over, uint8_t* out) {
    memcpy(out, packet, payload);
    out[2] = static_cast<uint8_t>(sequence >> 8);
    out[3] = static_cast<uint8_t>(sequence);
    crypt(rtp_vector(out, roll_over), packet + payload, size - payload, out + payload);
    const auto end = tag(out, size, big_endian(roll_over));
    memcpy(out + size, end.data(), end.size());
    return size + end.size();
}

size_t SrtpCipher::protect_rtcp(const uint8_t* packet, size_t size, uint32_t index, uint8_t* out) {
    memcpy(out, packet, SrtpKeys::kRtcpHeader);
    auto number = big_endian(index);
    crypt(vector(packet + 4, {0, 0, number[0], number[1], number[2], number[3]}),
          packet + SrtpKeys::kRtcpHeader, size - SrtpKeys::kRtcpHeader, out + SrtpKeys::kRtcpHeader);
    number[0] |= kEncrypted;
    memcpy(out + size, number.data(), number.size());
    size += number.size();
    const auto end = tag(out, size);
    memcpy(out + size, end.data(), end.size());
    return size + end.size();
}

bool SrtpCipher::is_authentic(const uint8_t* packet, size_t size, uint32_t roll_over) const {
    const auto right = tag(packet, size - SrtpKeys::kTag, big_endian(roll_over));
    return CRYPTO_memcmp(packet + size - right.size(), right.data(), right.size()) == 0;
}

bool SrtpCipher::is_authentic_rtcp(const uint8_t* packet, size_t size) const {
    const auto right = tag(packet, size - SrtpKeys::kTag);
    return CRYPTO_memcmp(packet + size - right.size(), right.data(), right.size()) == 0;
}

void SrtpCipher::open(uint8_t* packet, size_t size, size_t payload, uint32_t roll_over) {
    crypt(rtp_vector(packet, roll_over), packet + payload, size, packet + payload);
}

void SrtpCipher::open_rtcp(uint8_t* packet, size_t size, uint32_t index) {
    const auto number = big_endian(index);
    crypt(vector(packet + 4, {0, 0, number[0], number[1], number[2], number[3]}),
          packet + SrtpKeys::kRtcpHeader, size, packet + SrtpKeys::kRtcpHeader);
}

uint32_t RollOver::of(uint16_t sequence) {
    if (!begun_) {
        begun_ = true;
        highest_ = sequence;
        return 0;
    }
    const auto ahead = static_cast<int16_t>(sequence - highest_);
    if (ahead < 0)  // an older one, perhaps of before the wrap
        return sequence > highest_ && count_ > 0 ? count_ - 1 : count_;
    if (sequence < highest_)
        count_++;
    highest_ = sequence;
    return count_;
}

}  // namespace sluice::elements
