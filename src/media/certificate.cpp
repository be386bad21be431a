#include "media/certificate.h"

#include <algorithm>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string>

namespace sluice::media {
namespace {

struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(X509* certificate) const { X509_free(certificate); }
};

/// "sha-256" as OpenSSL names it.
const EVP_MD* digest_of(std::string name) {
    std::erase(name, '-');
    return EVP_get_digestbyname(name.c_str());
}

std::string fingerprint(X509* certificate, const EVP_MD* digest) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!X509_digest(certificate, digest, hash, &size))
        return {};
    std::string text;
    static constexpr char kHex[] = "0123456789ABCDEF";
    for (unsigned i = 0; i < size; i++) {
        if (i > 0)
            text += ':';
        (text += kHex[hash[i] >> 4]) += kHex[hash[i] & 15];
    }
    return text;
}

}  // namespace

Status check_fingerprint(const char* pem, const std::vector<sdp::Fingerprint>& fingerprints) {
    const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem, -1));
    const std::unique_ptr<X509, Free> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate)
        return Error{ErrorCode::Internal, "the peer's certificate cannot be read"};
    std::string seen;
    for (const auto& expected : fingerprints) {
        const EVP_MD* digest = digest_of(expected.algorithm);
        if (!digest)
            continue;
        seen = fingerprint(certificate.get(), digest);
        if (seen == expected.value)
            return Ok{};
    }
    const std::string& wanted = fingerprints.empty() ? std::string("none") : fingerprints.back().value;
    return Error{ErrorCode::Unacceptable,
                 "the certificate's fingerprint is " + seen + ", its SDP announced " + wanted};
}

}  // namespace sluice::media
