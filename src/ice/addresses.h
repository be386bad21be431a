#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ice/endpoint.h"
#include "ice/network.h"

namespace sluice::ice {

/// The local addresses to listen on: those of the options, else all that are up and neither loopback nor
/// link-local, else loopback. An error names the address that is none. Ports are 0.
Result<std::vector<Endpoint>> local_addresses(const Options& options);

/// The candidate line (RFC 8839 section 5.1) of the `index`th socket: a host candidate, announced under
/// another address where the options say so (only that address's family). TCP is passive (RFC 6544) and after
/// all of UDP.
enum class Transport { Udp, Tcp };
std::string candidate(Transport transport, const Endpoint& local, size_t index,
                      const std::string& announced_address);

}  // namespace sluice::ice
