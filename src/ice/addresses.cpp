#include "ice/addresses.h"

#include <algorithm>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>

#include "base/log.h"
#include "ice/udp_socket.h"

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
        if (is_link_local(endpoint) || std::ranges::count(result, endpoint) > 0)
            continue;
        // IPv6 has some that nobody can use, yet or ever: tentative, or found to be another machine's.
        if (const auto usable = UdpSocket::bind(endpoint); !usable)
            log::warning("an address of this machine is not offered",
                         {{"address", endpoint.ip()}, {"reason", usable.error().message}});
        else
            result.push_back(endpoint);
    }
    if (result.empty())
        result.push_back(*Endpoint::from("127.0.0.1", 0));
    return result;
}

std::string candidate(Transport transport, const Endpoint& local, size_t index,
                      const std::string& announced_address) {
    constexpr uint32_t kUdpHost = 126, kTcpHost = 90, kComponent = 1;
    constexpr uint32_t kPassive = 4 << 13;  // RFC 6544 section 4.2: above 13 bits that tell sockets apart
    const bool udp = transport == Transport::Udp;
    const auto order = static_cast<uint32_t>(std::min<size_t>(index, 255));
    const uint32_t local_preference = udp ? 65535 - order * 256 : kPassive + 8191 - order;
    const uint32_t priority = (udp ? kUdpHost : kTcpHost) << 24 | local_preference << 8 | (256 - kComponent);
    const auto announced = Endpoint::from(announced_address, 0);
    const bool replaced = announced && announced->is_v6() == local.is_v6();
    // Candidates of one base and transport share a foundation, and no others do (RFC 8445 section 5.1.1.3).
    return "candidate:" + std::to_string(index + 1) + (udp ? " 1 udp " : "t 1 tcp ") +
           std::to_string(priority) + " " + (replaced ? announced_address : local.ip()) + " " +
           std::to_string(local.port()) + " typ host" + (udp ? "" : " tcptype passive");
}

}  // namespace sluice::ice
