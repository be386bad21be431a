#include "elements/srtp.h"

#include <cstring>
#include <openssl/crypto.h>

namespace sluice::elements {
namespace {

constexpr uint8_t kLabelCipher = 0, kLabelAuthentication = 1, kLabelSalt = 2;

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

}  // namespace

std::shared_ptr<const SrtpKeys> SrtpKeys::derive(std::span<const uint8_t> master) {
    if (master.size() != kMasterKey + kMasterSalt)
        return nullptr;
    std::shared_ptr<SrtpKeys> keys(new SrtpKeys);
    std::array<uint8_t, SHA_DIGEST_LENGTH> authentication{};
    derive_key(master, kLabelCipher, keys->cipher_);
    derive_key(master, kLabelAuthentication, authentication);
    derive_key(master, kLabelSalt, keys->salt_);
    begin_hash(keys->inner_, authentication, 0x36);
    begin_hash(keys->outer_, authentication, 0x5c);
    OPENSSL_cleanse(authentication.data(), authentication.size());
    return keys;
}

SrtpKeys::~SrtpKeys() {
    OPENSSL_cleanse(cipher_.data(), cipher_.size());
    OPENSSL_cleanse(salt_.data(), salt_.size());
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
}

SrtpCipher::SrtpCipher(std::shared_ptr<const SrtpKeys> keys)
    : keys_(std::move(keys)), context_(EVP_CIPHER_CTX_new()) {
    EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ctr(), nullptr, keys_->cipher_.data(), nullptr);
}

size_t SrtpCipher::protect(const uint8_t* packet, size_t size, size_t payload, uint32_t roll_over,
                           uint8_t* out) {
    const std::array<uint8_t, 4> wraps{static_cast<uint8_t>(roll_over >> 24),
                                       static_cast<uint8_t>(roll_over >> 16),
                                       static_cast<uint8_t>(roll_over >> 8), static_cast<uint8_t>(roll_over)};
    // Section 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
    std::array<uint8_t, 16> iv{};
    memcpy(iv.data(), keys_->salt_.data(), keys_->salt_.size());
    for (size_t i = 0; i < 4; i++) {
        iv[4 + i] ^= packet[8 + i];
        iv[8 + i] ^= wraps[i];
    }
    iv[12] ^= packet[2];
    iv[13] ^= packet[3];
    memcpy(out, packet, payload);
    int written = 0;
    EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, iv.data());
    EVP_EncryptUpdate(context_.get(), out + payload, &written, packet + payload,
                      static_cast<int>(size - payload));

    std::array<uint8_t, SHA_DIGEST_LENGTH> digest{};
    SHA_CTX hash = keys_->inner_;
    SHA1_Update(&hash, out, size);
    SHA1_Update(&hash, wraps.data(), wraps.size());
    SHA1_Final(digest.data(), &hash);
    hash = keys_->outer_;
    SHA1_Update(&hash, digest.data(), digest.size());
    SHA1_Final(digest.data(), &hash);
    memcpy(out + size, digest.data(), SrtpKeys::kTag);
    return size + SrtpKeys::kTag;
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
