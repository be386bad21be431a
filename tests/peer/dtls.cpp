#include "peer/dtls.h"

#include <algorithm>
#include <ctime>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/time.h>

#include <glib.h>

#include "peer/random.h"

namespace sluice::peer {
namespace {

constexpr int kMtu = 1200;

void must(bool ok, const char* what) {
    if (!ok)
        g_error("OpenSSL: %s: %s", what, ERR_reason_error_string(ERR_peek_last_error()));
}

std::string fingerprint_of(X509* certificate) {
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; i++) {
        char pair[4];
        g_snprintf(pair, sizeof pair, "%s%02X", i ? ":" : "", unsigned(digest[i]));
        text += pair;
    }
    return text;
}

/// As browsers: 50 ms at first, doubled up to 3 s.
unsigned retransmission_interval(SSL*, unsigned previous_us) {
    return previous_us == 0 ? 50'000 : std::min(previous_us * 2, 3'000'000U);
}

}  // namespace

Certificate::Certificate() {
    const OpensslOwned<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
    const OpensslOwned<X509, X509_free> certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), random_number() >> 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -86400);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30L * 86400);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>("peer"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    must(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "signing the certificate");
    fingerprint_ = fingerprint_of(certificate.get());

    context_.reset(SSL_CTX_new(DTLS_method()));
    SSL_CTX* context = context_.get();
    SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION);
    must(SSL_CTX_use_certificate(context, certificate.get()) == 1, "using the certificate");
    must(SSL_CTX_use_PrivateKey(context, key.get()) == 1, "using the key");
    // Any certificate passes the handshake; the SDP's fingerprint judges it afterwards (RFC 8122).
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       [](int, X509_STORE_CTX*) { return 1; });
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0,
         "setting the SRTP profiles");
}

DtlsSession::DtlsSession(Loop& loop, const Certificate& certificate, bool active, std::string fingerprint,
                         Events events)
    : events_(std::move(events)),
      fingerprint_(std::move(fingerprint)),
      active_(active),
      ssl_(SSL_new(certificate.context())),
      retransmission_(loop, [this] {
          ERR_clear_error();
          const int done = DTLSv1_handle_timeout(ssl_.get());
          flush();
          if (done < 0)
              fail(SSL_get_error(ssl_.get(), done));
          else
              arm();
      }) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(ssl_.get(), in, out);
    SSL_set_mtu(ssl_.get(), kMtu);
    DTLS_set_timer_cb(ssl_.get(), retransmission_interval);
    if (active)
        SSL_set_connect_state(ssl_.get());
    else
        SSL_set_accept_state(ssl_.get());
}

void DtlsSession::start() {
    if (active_)
        step();
}

void DtlsSession::receive(Bytes datagram) {
    if (ended_)
        return;
    BIO_write(SSL_get_rbio(ssl_.get()), datagram.data(), int(datagram.size()));
    if (!secured_) {
        step();
        return;
    }
    std::array<uint8_t, 2048> unused;
    const int size = SSL_read(ssl_.get(), unused.data(), int(unused.size()));
    flush();  // A repeated flight of the other side is answered with ours.
    if (size <= 0 && SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN) {
        ended_ = true;
        events_.closed();
    }
}

void DtlsSession::close() {
    if (secured_ && !std::exchange(ended_, true)) {
        SSL_shutdown(ssl_.get());
        flush();
    }
}

void DtlsSession::step() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), done);
    flush();
    if (done == 1) {
        on_secured();
    } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        fail(error);
    } else {
        arm();
    }
}

void DtlsSession::fail(int error) {
    ended_ = true;
    retransmission_.stop();
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    events_.failed("DTLS: " + (reason ? reason : "SSL_get_error() " + std::to_string(error)));
}

/// A memory BIO does not keep the borders of datagrams, but each record tells its length (RFC 6347
/// section 4.1).
void DtlsSession::flush() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data);
    const Packet records(data, data + std::max(size, 0L));
    (void)BIO_reset(SSL_get_wbio(ssl_.get()));
    constexpr size_t kRecordHeader = 13;
    for (size_t at = 0; at + kRecordHeader <= records.size();) {
        const size_t length = kRecordHeader + get16(&records[at + 11]);
        events_.send({&records[at], length});
        at += length;
    }
}

void DtlsSession::on_secured() {
    retransmission_.stop();
    const OpensslOwned<X509, X509_free> theirs(SSL_get1_peer_certificate(ssl_.get()));
    if (!theirs || fingerprint_of(theirs.get()) != fingerprint_) {
        ended_ = true;
        events_.failed("DTLS: the certificate is not the one of the SDP's fingerprint " + fingerprint_);
        return;
    }
    const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl_.get());
    if (!profile) {
        ended_ = true;
        events_.failed("DTLS: no SRTP profile was agreed");
        return;
    }
    secured_ = true;
    SrtpKeys keys;
    keys.gcm = profile->id == SRTP_AEAD_AES_128_GCM;
    const size_t salt = keys.gcm ? 12 : 14;
    std::array<uint8_t, 60> material;
    must(SSL_export_keying_material(ssl_.get(), material.data(), 2 * (16 + salt), "EXTRACTOR-dtls_srtp", 19,
                                    nullptr, 0, 0) == 1,
         "exporting keys");
    auto& client = active_ ? keys.local : keys.remote;
    auto& server = active_ ? keys.remote : keys.local;
    const uint8_t* p = material.data();
    std::copy_n(p, 16, client.begin());
    std::copy_n(p + 16, 16, server.begin());
    std::copy_n(p + 32, salt, client.begin() + 16);
    std::copy_n(p + 32 + salt, salt, server.begin() + 16);
    events_.secured(keys);
}

void DtlsSession::arm() {
    timeval left{};
    if (DTLSv1_get_timeout(ssl_.get(), &left))
        retransmission_.after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
}

}  // namespace sluice::peer
