#include "elements/dtls_session.h"

#include <algorithm>
#include <cstring>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <utility>

#include <glib.h>

namespace sluice::elements {
namespace {

constexpr int kMtu = 1200;         ///< As browsers; with all headers it passes every path of IPv6.
constexpr size_t kEarly = 16;      ///< A ClientHello in its fragments, and its repetitions.
constexpr long kDay = 24L * 3600;  // seconds
constexpr char kProfile[] = "SRTP_AES128_CM_SHA1_80";  ///< What SrtpKeys knows.

/// RFC 6347 section 4.2.4.1 wants a second at first, but for what is real-time: browsers take 50 ms.
unsigned retransmission_interval(SSL*, unsigned previous_us) {
    return previous_us == 0 ? 200'000 : std::min(previous_us * 2, 3'200'000U);
}

std::string reason() {
    const unsigned long error = ERR_peek_last_error();
    const char* text = ERR_reason_error_string(error);
    return text ? text : "error " + std::to_string(error);
}

/// Without them nothing works, and only a broken OpenSSL or no memory makes them fail.
void must(bool done, const char* what) {
    if (!done)
        g_error("OpenSSL: %s: %s", what, reason().c_str());
}

/// Empty: it cannot be written.
std::string pem_of(X509* certificate) {
    const gst::Owned<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1)
        return {};
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<size_t>(size)};
}

/// The key stays within; it is nobody's property.
struct Identity {
    Identity();
    SSL_CTX* context = SSL_CTX_new(DTLS_method());
    std::string pem;

    static const Identity& get() {
        static const auto* const identity = new Identity;  // For the life of the process.
        return *identity;
    }
};

Identity::Identity() {
    const gst::Owned<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
    const gst::Owned<X509, X509_free> certificate(X509_new());
    must(context && key && certificate, "making a certificate");
    uint64_t serial = 0;
    must(RAND_bytes(reinterpret_cast<uint8_t*>(&serial), sizeof serial) == 1, "a random number");
    X509* const x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -kDay);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3650 * kDay);
    X509_set_pubkey(x509, key.get());
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>("sluice"), -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    must(X509_sign(x509, key.get(), EVP_sha256()) > 0, "signing the certificate");
    pem = pem_of(x509);
    must(!pem.empty(), "writing the certificate");

    must(SSL_CTX_use_certificate(context, x509) == 1 && SSL_CTX_use_PrivateKey(context, key.get()) == 1,
         "using the certificate");
    SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION);
    must(SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") == 1,
         "setting the ciphers");
    must(SSL_CTX_set_tlsext_use_srtp(context, kProfile) == 0, "setting the SRTP profile");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       [](int, X509_STORE_CTX*) { return 1; });
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);  // A record is not read without the rest of its datagram.
}

}  // namespace

const std::string& DtlsSession::certificate() {
    return Identity::get().pem;
}

/// Memory BIOs do not keep the borders of datagrams.
BIO_METHOD* DtlsSession::io() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sluice datagrams");
        must(made != nullptr, "a BIO's method");
        BIO_meth_set_create(made, [](BIO* bio) {
            BIO_set_init(bio, 1);
            return 1;
        });
        BIO_meth_set_write(made, [](BIO* bio, const char* data, int size) {
            auto& self = *static_cast<DtlsSession*>(BIO_get_data(bio));
            self.outgoing_.emplace_back(data, data + size);
            return size;
        });
        BIO_meth_set_read(made, [](BIO* bio, char* to, int room) {
            auto& self = *static_cast<DtlsSession*>(BIO_get_data(bio));
            BIO_clear_retry_flags(bio);
            const auto datagram = std::exchange(self.arrived_, {});
            if (datagram.empty()) {
                BIO_set_retry_read(bio);
                return -1;
            }
            const auto size = std::min(datagram.size(), static_cast<size_t>(room));
            memcpy(to, datagram.data(), size);
            return static_cast<int>(size);
        });
        BIO_meth_set_ctrl(made,
                          [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
        return made;
    }();
    return method;
}

DtlsSession::DtlsSession() : ssl_(SSL_new(Identity::get().context)) {
    BIO* bio = BIO_new(io());
    must(ssl_ && bio, "making an association");
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_mtu(ssl_.get(), kMtu);
    DTLS_set_timer_cb(ssl_.get(), retransmission_interval);
}

DtlsSession::Outcome DtlsSession::start(bool client) {
    std::lock_guard lock(mutex_);
    Outcome outcome;
    if (std::exchange(started_, true))
        return outcome;
    client_ = client;
    if (client) {
        SSL_set_connect_state(ssl_.get());
        enter(State::Connecting, outcome);
        step(outcome);
    } else {
        SSL_set_accept_state(ssl_.get());
    }
    for (const auto& datagram : std::exchange(early_, {})) {
        arrived_ = datagram;
        step(outcome);
    }
    return finish(std::move(outcome));
}

DtlsSession::Outcome DtlsSession::receive(std::span<const uint8_t> datagram) {
    std::lock_guard lock(mutex_);
    if (!started_ && early_.size() < kEarly)
        early_.emplace_back(datagram.begin(), datagram.end());
    if (!started_)
        return {};
    Outcome outcome;
    arrived_ = datagram;
    step(outcome);
    return finish(std::move(outcome));
}

DtlsSession::Outcome DtlsSession::on_timeout() {
    std::lock_guard lock(mutex_);
    if (state_ != State::Connecting)
        return {};
    Outcome outcome;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(ssl_.get()) < 0)
        fail(reason(), outcome);
    return finish(std::move(outcome));
}

DtlsSession::Outcome DtlsSession::stop() {
    std::lock_guard lock(mutex_);
    Outcome outcome;
    started_ = true;
    early_.clear();
    if (state_ != State::Failed)
        enter(State::Closed, outcome);
    return finish(std::move(outcome));
}

/// All that has arrived.
void DtlsSession::step(Outcome& outcome) {
    if (state_ == State::Closed || state_ == State::Failed)
        return;
    ERR_clear_error();
    if (state_ != State::Connected) {
        const int done = SSL_do_handshake(ssl_.get());
        if (state_ == State::New && !SSL_in_before(ssl_.get()))
            enter(State::Connecting, outcome);
        if (done != 1)
            return check(done, outcome);
        secure(outcome);
    }
    // Repeated flights are answered, and the peer's alerts heard. Data nobody has negotiated.
    std::array<uint8_t, 256> data;
    int size = 1;
    while (state_ == State::Connected && size > 0)
        size = SSL_read(ssl_.get(), data.data(), static_cast<int>(data.size()));
    if (size <= 0)
        check(size, outcome);
}

void DtlsSession::secure(Outcome& outcome) {
    if (!SSL_get_selected_srtp_profile(ssl_.get()))
        return fail(std::string("the peer does not take ") + kProfile, outcome);
    constexpr size_t kKey = SrtpKeys::kMasterKey, kSalt = SrtpKeys::kMasterSalt;
    constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
    std::array<uint8_t, 2 * (kKey + kSalt)> material;
    if (SSL_export_keying_material(ssl_.get(), material.data(), material.size(), kLabel.data(), kLabel.size(),
                                   nullptr, 0, 0) != 1)
        return fail(reason(), outcome);
    // Both keys, then both salts, the client's first (RFC 5764 section 4.2).
    const auto key_of = [&material](size_t side) {
        MasterKey key;
        std::copy_n(material.data() + side * kKey, kKey, key.begin());
        std::copy_n(material.data() + 2 * kKey + side * kSalt, kSalt, key.begin() + kKey);
        return key;
    };
    send_key_ = key_of(client_ ? 0 : 1);
    receive_key_ = key_of(client_ ? 1 : 0);
    OPENSSL_cleanse(material.data(), material.size());
    peer_certificate_ = pem_of(SSL_get0_peer_certificate(ssl_.get()));
    if (peer_certificate_.empty())
        return fail("the peer's certificate cannot be written", outcome);
    outcome.secured = true;
    enter(State::Connected, outcome);
}

void DtlsSession::check(int result, Outcome& outcome) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return;
        case SSL_ERROR_ZERO_RETURN:
            return enter(State::Closed, outcome);
        default:
            return fail(reason(), outcome);
    }
}

void DtlsSession::enter(State state, Outcome& outcome) {
    if (std::exchange(state_, state) != state)
        outcome.entered = state;
}

void DtlsSession::fail(std::string why, Outcome& outcome) {
    outcome.error = std::move(why);
    enter(State::Failed, outcome);
}

DtlsSession::Outcome DtlsSession::finish(Outcome outcome) {
    arrived_ = {};
    outcome.datagrams = std::exchange(outgoing_, {});
    // Two of 16 kB, which the handshake needs and a connection hardly ever again: SSL_read() makes them anew.
    if (state_ == State::Connected)
        SSL_free_buffers(ssl_.get());
    return outcome;
}

DtlsSession::State DtlsSession::state() const {
    std::lock_guard lock(mutex_);
    return state_;
}

std::optional<std::chrono::microseconds> DtlsSession::timeout() const {
    std::lock_guard lock(mutex_);
    timeval left{};
    if (state_ != State::Connecting || DTLSv1_get_timeout(ssl_.get(), &left) != 1)
        return {};
    return std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
}

std::optional<DtlsSession::MasterKey> DtlsSession::send_key() const {
    std::lock_guard lock(mutex_);
    return send_key_;
}

std::optional<DtlsSession::MasterKey> DtlsSession::receive_key() const {
    std::lock_guard lock(mutex_);
    return receive_key_;
}

std::string DtlsSession::peer_certificate() const {
    std::lock_guard lock(mutex_);
    return peer_certificate_;
}

}  // namespace sluice::elements
