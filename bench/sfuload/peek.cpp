#include "sfuload/peek.h"

#include <algorithm>
#include <openssl/evp.h>

#include <glib.h>

namespace sluice::load {
namespace {

constexpr size_t kBlock = 16;
constexpr size_t kMaxBlocks = 5;

using Cipher = peer::OpensslOwned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using Block = std::array<uint8_t, kBlock>;

Cipher make_cipher(const uint8_t* key) {
    Cipher cipher(EVP_CIPHER_CTX_new());
    const int ok = EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_ecb(), nullptr, key, nullptr);
    g_assert(ok == 1);
    EVP_CIPHER_CTX_set_padding(cipher.get(), 0);
    return cipher;
}

void encrypt(EVP_CIPHER_CTX* cipher, const uint8_t* in, uint8_t* out, size_t size) {
    int written = 0;
    EVP_EncryptUpdate(cipher, out, &written, in, int(size));
}

/// RFC 3711 section 4.3.1, with a key derivation rate of zero.
Block derive(EVP_CIPHER_CTX* master, const std::array<uint8_t, 14>& master_salt, uint8_t label) {
    Block input{}, key{};
    std::ranges::copy(master_salt, input.begin());
    input[7] ^= label;
    encrypt(master, input.data(), key.data(), kBlock);
    return key;
}

void xor_into(uint8_t* at, uint64_t value, size_t octets) {
    for (size_t i = 0; i < octets; i++) at[i] ^= uint8_t(value >> 8 * (octets - 1 - i));
}

}  // namespace

Peek::Peek(const peer::SrtpKeys& keys) : gcm_(keys.gcm) {
    std::array<uint8_t, 14> master_salt{};
    std::copy_n(keys.remote.begin() + kBlock, gcm_ ? 12 : 14, master_salt.begin());
    const Cipher master = make_cipher(keys.remote.data());
    constexpr uint8_t kEncryptionKey = 0, kSalt = 2;
    const Block salt = derive(master.get(), master_salt, kSalt);
    std::copy_n(salt.begin(), salt_.size(), salt_.begin());
    cipher_ = make_cipher(derive(master.get(), master_salt, kEncryptionKey).data());
}

void Peek::read(uint32_t ssrc, uint64_t index, peer::Bytes payload, size_t offset, std::span<uint8_t> out) {
    const size_t first = offset / kBlock;
    const size_t blocks = (offset + out.size() - 1) / kBlock - first + 1;
    g_assert(blocks <= kMaxBlocks && offset + out.size() <= payload.size());
    // GCM counts its blocks in 32 bits and from 2 on; 0 makes the key of the tag, and 1 ciphers the tag.
    const size_t counter_size = gcm_ ? 4 : 2;
    const uint64_t first_counter = first + (gcm_ ? 2 : 0);
    Block base{};
    std::copy_n(salt_.begin(), kBlock - counter_size, base.begin());
    xor_into(&base[gcm_ ? 2 : 4], ssrc, 4);
    xor_into(&base[gcm_ ? 6 : 8], index, 6);

    std::array<uint8_t, kMaxBlocks * kBlock> counters, stream;
    for (size_t i = 0; i < blocks; i++) {
        std::ranges::copy(base, &counters[i * kBlock]);
        xor_into(&counters[(i + 1) * kBlock - counter_size], first_counter + i, counter_size);
    }
    encrypt(cipher_.get(), counters.data(), stream.data(), blocks * kBlock);
    for (size_t i = 0; i < out.size(); i++)
        out[i] = payload[offset + i] ^ stream[offset - first * kBlock + i];
}

}  // namespace sluice::load
