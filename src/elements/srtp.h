#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

// For SHA_CTX, which OpenSSL 3 would rather not show.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

namespace sluice::elements {

/// The session keys of one direction of one connection: AES_CM_128_HMAC_SHA1_80 (RFC 3711), all that
/// DtlsSession negotiates. Made once, then only read: all streams and threads of the connection
/// share them.
class SrtpKeys {
public:
    static constexpr size_t kMasterKey = 16, kMasterSalt = 14, kTag = 10;
    /// What SRTCP leaves plain at the beginning, and adds at the end: the E bit with the index, and the tag.
    static constexpr size_t kRtcpHeader = 8;
    static constexpr size_t kIndex = 4, kRtcpTrailer = kIndex + kTag;

    /// `master`: key and salt, as DTLS exports them (RFC 5764 section 4.2). Nothing: they are not of that
    /// size.
    static std::shared_ptr<const SrtpKeys> derive(std::span<const uint8_t> master);
    ~SrtpKeys();
    SrtpKeys(const SrtpKeys&) = delete;
    SrtpKeys& operator=(const SrtpKeys&) = delete;

private:
    friend class SrtpCipher;
    /// Of RTP, or of RTCP.
    struct Session {
        void derive(std::span<const uint8_t> master, uint8_t first_label);

        std::array<uint8_t, 16> cipher{};
        std::array<uint8_t, kMasterSalt> salt{};
        // HMAC's two hashes with the key already in them. OpenSSL 3's EVP_MAC begins anew for every packet
        // and allocates.
        SHA_CTX inner{}, outer{};
    };
    SrtpKeys() = default;

    Session rtp_, rtcp_;
};

/// Protects and opens packets with the keys of one kind. One thread at a time.
class SrtpCipher {
public:
    enum class Kind { Rtp, Rtcp };
    explicit SrtpCipher(std::shared_ptr<const SrtpKeys> keys, Kind kind = Kind::Rtp);

    /// One RTP packet of `size` bytes, whose payload begins at `payload`, to `out`, which has room for
    /// SrtpKeys::kTag bytes more; its size there. There it has the number `sequence`, whose wraps `roll_over`
    /// counts (RFC 3711 section 3.3.1).
    size_t protect(const uint8_t* packet, size_t size, size_t payload, uint16_t sequence, uint32_t roll_over,
                   uint8_t* out);
    /// One compound of at least eight bytes (section 3.4), to `out`, which has room for
    /// SrtpKeys::kRtcpTrailer bytes more; its size there. `index` is below 2^31 and never twice the same.
    size_t protect_rtcp(const uint8_t* packet, size_t size, uint32_t index, uint8_t* out);

    /// Whether the tag at the end is right; `size` is that of the whole.
    bool is_authentic(const uint8_t* packet, size_t size, uint32_t roll_over) const;
    bool is_authentic_rtcp(const uint8_t* packet, size_t size) const;
    /// Decrypts `size` bytes from `payload` on in place. Of an authentic packet only.
    void open(uint8_t* packet, size_t size, size_t payload, uint32_t roll_over);
    void open_rtcp(uint8_t* packet, size_t size, uint32_t index);

private:
    using Vector = std::array<uint8_t, 16>;
    using Tag = std::array<uint8_t, SrtpKeys::kTag>;
    /// Section 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
    Vector vector(const uint8_t* ssrc, std::array<uint8_t, 6> index) const;
    Vector rtp_vector(const uint8_t* packet, uint32_t roll_over) const;
    void crypt(const Vector& vector, const uint8_t* in, size_t size, uint8_t* out);
    Tag tag(const uint8_t* data, size_t size, std::span<const uint8_t> more = {}) const;

    struct Free {
        void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    };
    std::shared_ptr<const SrtpKeys> keys_;
    const SrtpKeys::Session& session_;
    std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

/// Counts the wraps of a stream's sequence numbers, whatever order they come in. A plain value, and one word,
/// so that an atomic one takes no lock.
class alignas(uint64_t) RollOver {
public:
    uint32_t of(uint16_t sequence);

private:
    uint32_t count_ = 0;
    uint16_t highest_ = 0;
    bool begun_ = false;
};

}  // namespace sluice::elements
