#include "ice/endpoint.h"

#include <arpa/inet.h>
#include <string_view>

namespace sluice::ice {

std::optional<Endpoint> Endpoint::from(const std::string& ip, uint16_t port) {
    Endpoint endpoint;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&endpoint.storage_);
    if (inet_pton(AF_INET, ip.c_str(), &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, ip.c_str(), &endpoint.storage_.sin6_addr) == 1)
        endpoint.storage_.sin6_family = AF_INET6;
    else
        return std::nullopt;
    endpoint.storage_.sin6_port = htons(port);
    return endpoint;
}

std::span<const uint8_t> Endpoint::address_bytes() const {
    if (is_v6())
        return {storage_.sin6_addr.s6_addr, 16};
    return {reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr), 4};
}

std::string Endpoint::ip() const {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(storage_.sin6_family, address_bytes().data(), text, sizeof text);
    return text;
}

std::string Endpoint::text() const {
    return (is_v6() ? "[" + ip() + "]" : ip()) + ":" + std::to_string(port());
}

size_t EndpointHash::operator()(const Endpoint& endpoint) const {
    const auto ip = endpoint.address_bytes();
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(ip.data()), ip.size()}) * 31 +
           endpoint.port();
}

}  // namespace sluice::ice
