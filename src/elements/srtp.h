#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

// For SHA_CTX, which OpenSSL 3 would rather not show.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

namespace sluice::elements {

/// The session keys of one direction of one connection: AES_CM_128_HMAC_SHA1_80 (RFC 3711), all that
/// gstdtls 1.22 negotiates. Made once, then only read: all streams and threads of the connection share them.
class SrtpKeys {
public:
    static constexpr size_t kMasterKey = 16, kMasterSalt = 14, kTag = 10;

    /// `master`: key and salt, as DTLS exports them (RFC 5764 section 4.2). Nothing: they are not of that
    /// size.
    static std::shared_ptr<const SrtpKeys> derive(std::span<const uint8_t> master);
    ~SrtpKeys();
    SrtpKeys(const SrtpKeys&) = delete;
    SrtpKeys& operator=(const SrtpKeys&) = delete;

private:
    friend class SrtpCipher;
    SrtpKeys() = default;

    std::array<uint8_t, 16> cipher_{};
    std::array<uint8_t, kMasterSalt> salt_{};
    // HMAC's two hashes with the key already in them. OpenSSL 3's EVP_MAC begins anew for every packet and
    // allocates.
    SHA_CTX inner_{}, outer_{};
};

/// Protects RTP packets with these keys. One thread at a time.
class SrtpCipher {
public:
    explicit SrtpCipher(std::shared_ptr<const SrtpKeys> keys);

    /// One RTP packet of `size` bytes, whose payload begins at `payload`, to `out`, which has room for
    /// SrtpKeys::kTag bytes more; its size there. `roll_over` counts the wraps of its sequence number (RFC
    /// 3711 section 3.3.1).
    size_t protect(const uint8_t* packet, size_t size, size_t payload, uint32_t roll_over, uint8_t* out);

private:
    struct Free {
        void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    };
    std::shared_ptr<const SrtpKeys> keys_;
    std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

/// Counts the wraps of a stream's sequence numbers, whatever order they come in. One thread.
class RollOver {
public:
    uint32_t of(uint16_t sequence);

private:
    bool begun_ = false;
    uint32_t count_ = 0;
    uint16_t highest_ = 0;
};

}  // namespace sluice::elements
