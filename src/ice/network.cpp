#include "ice/network.h"

#include "ice/endpoint.h"
#include "ice/full_network.h"
#include "ice/lite_network.h"

namespace sluice::ice {

Result<std::unique_ptr<Network>> Network::open(const Options& options) {
    if (!options.announced_address.empty() && !Endpoint::from(options.announced_address, 0))
        return Error{ErrorCode::InvalidArgument,
                     "\"" + options.announced_address + "\" is not an IPv4 or IPv6 address",
                     "ice.announced-address"};
    if (options.agent == Agent::Full)
        return FullNetwork::open(options);
    auto network = LiteNetwork::bind(options);
    if (!network)
        return network.error();
    return std::unique_ptr<Network>(std::move(network).value());
}

}  // namespace sluice::ice
