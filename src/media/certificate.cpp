#include "media/certificate.h"

#include <algorithm>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string>

namespace sluice::media {
namespace {

struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
};

/// The DER form. It is not parsed: OpenSSL 3 would look for a decoder each time, which costs more than all
/// else.
std::vector<unsigned char> der_of(const char* pem) {
    const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem, -1));
    char *name = nullptr, *header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    std::vector<unsigned char> der;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &size))
        der.assign(data, data + size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return der;
}

/// "sha-256" as OpenSSL names it.
const EVP_MD* digest_of(std::string name) {
    std::erase(name, '-');
    return EVP_get_digestbyname(name.c_str());
}

std::string fingerprint(const std::vector<unsigned char>& der, const EVP_MD* digest) {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!EVP_Digest(der.data(), der.size(), hash, &size, digest, nullptr))
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
    const auto der = der_of(pem);
    if (der.empty())
        return Error{ErrorCode::Internal, "the peer's certificate cannot be read"};
    std::string seen;
    for (const auto& expected : fingerprints) {
        const EVP_MD* digest = digest_of(expected.algorithm);
        if (!digest)
            continue;
        seen = fingerprint(der, digest);
        if (seen == expected.value)
            return Ok{};
    }
    const std::string& wanted = fingerprints.empty() ? std::string("none") : fingerprints.back().value;
    return Error{ErrorCode::Unacceptable,
                 "the certificate's fingerprint is " + seen + ", its SDP announced " + wanted};
}

}  // namespace sluice::media
