#include "ice/addresses.h"

#include <algorithm>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>

namespace sluice::ice {
namespace {

bool is_link_local(const Endpoint& endpoint) {
    const auto ip = endpoint.address_bytes();
    return endpoint.is_v6() ? ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80 : ip[0] == 169 && ip[1] == 254;
}

}  // namespace

Result<std::vector<Endpoint>> local_addresses(const Options& options) {
    std::vector<Endpoint> result;
    for (const auto& address : options.addresses) {
        const auto endpoint = Endpoint::from(address, 0);
        if (!endpoint)
            return Error{ErrorCode::InvalidArgument, "\"" + address + "\" is not an IPv4 or IPv6 address",
                         "ice.addresses"};
        result.push_back(*endpoint);
    }
    if (!result.empty())
        return result;
    ifaddrs* raw = nullptr;
    if (getifaddrs(&raw) != 0)
        return Error{ErrorCode::Internal, "the system does not tell its addresses", "ice.addresses"};
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(raw, freeifaddrs);
    for (const ifaddrs* at = all.get(); at; at = at->ifa_next) {
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP) || (at->ifa_flags & IFF_LOOPBACK))
            continue;
        Endpoint endpoint;
        if (at->ifa_addr->sa_family == AF_INET)
            memcpy(endpoint.get(), at->ifa_addr, sizeof(sockaddr_in));
        else if (at->ifa_addr->sa_family == AF_INET6)
            memcpy(endpoint.get(), at->ifa_addr, sizeof(sockaddr_in6));
        else
            continue;
        if (!is_link_local(endpoint) && std::ranges::count(result, endpoint) == 0)
            result.push_back(endpoint);
    }
    if (result.empty())
        result.push_back(*Endpoint::from("127.0.0.1", 0));
    return result;
}

std::string candidate(const Endpoint& local, size_t index, const std::string& announced_address) {
    constexpr uint32_t kHostPreference = 126, kComponent = 1;
    const auto local_preference = static_cast<uint32_t>(65535 - std::min<size_t>(index, 255) * 256);
    const uint32_t priority = kHostPreference << 24 | local_preference << 8 | (256 - kComponent);
    const auto announced = Endpoint::from(announced_address, 0);
    const bool replaced = announced && announced->is_v6() == local.is_v6();
    return "candidate:" + std::to_string(index + 1) + " 1 udp " + std::to_string(priority) + " " +
           (replaced ? announced_address : local.ip()) + " " + std::to_string(local.port()) + " typ host";
}

}  // namespace sluice::ice
