#pragma once

#include <array>
#include <functional>
#include <memory>
#include <openssl/ssl.h>
#include <string>

#include "peer/bytes.h"
#include "peer/loop.h"

namespace sluice::peer {

template <auto Free>
struct OpensslFree {
    template <typename T>
    void operator()(T* p) const {
        Free(p);
    }
};
template <typename T, auto Free>
using OpensslOwned = std::unique_ptr<T, OpensslFree<Free>>;

/// A self-signed P-256 certificate and the DTLS 1.2 context made of it.
class Certificate {
public:
    Certificate();
    SSL_CTX* context() const { return context_.get(); }
    const std::string& fingerprint() const { return fingerprint_; }  ///< sha-256: "AB:CD:..."

private:
    OpensslOwned<SSL_CTX, SSL_CTX_free> context_;
    std::string fingerprint_;
};

/// Master key and salt of each direction (RFC 5764 section 4.2).
struct SrtpKeys {
    bool gcm = false;  ///< AEAD_AES_128_GCM, else AES128_CM_HMAC_SHA1_80.
    std::array<uint8_t, 30> local{};
    std::array<uint8_t, 30> remote{};
};

/// One DTLS association over datagrams that somebody else carries.
class DtlsSession {
public:
    struct Events {
        std::function<void(Bytes)> send;
        std::function<void(const SrtpKeys&)> secured;
        std::function<void(const std::string& why)> failed;
        std::function<void()> closed;  ///< close_notify of the other side.
    };

    /// `active`: sends the ClientHello (a=setup:active). The other certificate must have `fingerprint`
    /// (sha-256).
    DtlsSession(Loop& loop, const Certificate& certificate, bool active, std::string fingerprint,
                Events events);

    void start();
    void receive(Bytes datagram);
    void close();  ///< Sends close_notify.

private:
    void step();
    void fail(int error);
    void flush();
    void on_secured();
    void arm();

    Events events_;
    std::string fingerprint_;
    bool active_;
    bool secured_ = false;
    bool ended_ = false;
    OpensslOwned<SSL, SSL_free> ssl_;
    Timer retransmission_;
};

}  // namespace sluice::peer
