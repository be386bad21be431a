#pragma once

#include <array>

#include "peer/dtls.h"

namespace sluice::load {

/// Reads a few octets of an SRTP payload without authenticating it: in counter mode (RFC 3711 section 4.1.1,
/// and AES-GCM by RFC 7714) each 16 octets are deciphered by themselves. A receiver of thousands of streams
/// can so look at every packet for a tenth of the price.
class Peek {
public:
    explicit Peek(const peer::SrtpKeys& keys);

    /// Octets of the authentication tag that ends each packet.
    size_t tag_size() const { return gcm_ ? 16 : 10; }
    /// Deciphers `out.size()` octets, 64 at most, from `offset` of the payload on. `index`: the packet's,
    /// which is its sequence number with the roll-overs above it.
    void read(uint32_t ssrc, uint64_t index, peer::Bytes payload, size_t offset, std::span<uint8_t> out);

private:
    bool gcm_;
    std::array<uint8_t, 14> salt_{};
    peer::OpensslOwned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> cipher_;
};

}  // namespace sluice::load
