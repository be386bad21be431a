#include "ice/turn_server.h"

#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

namespace sluice::ice::test {
namespace {

enum : uint16_t { Allocate = 0x0003, Refresh = 0x0004, SuccessClass = 0x0100, ErrorClass = 0x0110 };
enum : uint16_t { Lifetime = 0x000D, Realm = 0x0014, Nonce = 0x0015, XorRelayedAddress = 0x0016 };

constexpr uint32_t kLifetime = 600;

/// Of the long-term credentials (RFC 8489 section 9.2.2).
std::string key() {
    const std::string text = "user:realm:password";
    std::string digest(16, '\0');
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, EVP_md5(),
               nullptr);
    return digest;
}

}  // namespace

TurnServer::TurnServer() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    socklen_t size = Endpoint::kCapacity;
    if (fd_ < 0 || bind(fd_, local_.get(), local_.size()) < 0 || getsockname(fd_, local_.get(), &size) < 0)
        g_error("no socket for a TURN server: %s", g_strerror(errno));
    thread_ = std::thread([this] { serve(); });
}

TurnServer::~TurnServer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
}

void TurnServer::serve() {
    for (;;) {
        Packet request(2048);
        Endpoint from;
        socklen_t size = Endpoint::kCapacity;
        const auto got = recvfrom(fd_, request.data(), request.size(), 0, from.get(), &size);
        if (got <= 0)  // shutdown()
            return;
        request.resize(static_cast<size_t>(got));
        const auto answered = answer(request, from);
        if (!answered.empty())
            (void)!sendto(fd_, answered.data(), answered.size(), 0, from.get(), from.size());
    }
}

Packet TurnServer::answer(Bytes request, const Endpoint& from) {
    const auto type = type_of(request);
    if (type != Allocate && type != Refresh)
        return {};
    const auto id = transaction_of(request);
    if (value_of(request, Username).empty())
        return StunText(type | ErrorClass, id)
            .attribute(ErrorCode, Packet{0, 0, 4, 1})
            .attribute(Realm, std::string("realm"))
            .attribute(Nonce, std::string("nonce"))
            .take();
    const auto wanted = value_of(request, Lifetime);
    const auto lifetime = wanted.size() == 4 ? peer::get32(wanted.data()) : kLifetime;
    StunText text(type | SuccessClass, id);
    text.attribute(Lifetime, peer::Writer().u32(lifetime).take());
    if (type == Refresh)
        refreshed_.put(lifetime);
    else
        text.attribute(XorRelayedAddress, xored(*Endpoint::from("127.0.0.2", 50000)))
            .attribute(XorMappedAddress, xored(from));
    return text.integrity(key()).take();
}

}  // namespace sluice::ice::test
