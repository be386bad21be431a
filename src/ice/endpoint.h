#pragma once

#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>

namespace sluice::ice {

/// An IP address and a UDP port, as the socket calls take it.
class Endpoint {
public:
    Endpoint() = default;
    static std::optional<Endpoint> from(const std::string& ip, uint16_t port);

    bool is_v6() const { return storage_.sin6_family == AF_INET6; }
    uint16_t port() const { return ntohs(storage_.sin6_port); }  // at the same place in both families
    std::string ip() const;
    std::string text() const;  ///< "203.0.113.7:50123", "[2001:db8::1]:50123"
    /// 4 or 16, in network order.
    std::span<const uint8_t> address_bytes() const;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage_); }
    socklen_t size() const { return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
    static constexpr socklen_t kCapacity = sizeof(sockaddr_in6);

    bool operator==(const Endpoint& other) const {
        return size() == other.size() && memcmp(&storage_, &other.storage_, size()) == 0;
    }

private:
    sockaddr_in6 storage_{};  ///< Big enough for both families.
};

struct EndpointHash {
    size_t operator()(const Endpoint& endpoint) const;
};

}  // namespace sluice::ice
