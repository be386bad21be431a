#pragma once

#include <cstddef>
#include <memory>

#include "ice/endpoint.h"

namespace sluice::ice {

class TcpConnection;

/// A way to a peer: from one of the network's UDP sockets to a remote address, or a TCP connection.
struct Path {
    size_t socket = 0;  ///< UDP: index of the network's socket.
    Endpoint remote = {};
    std::shared_ptr<TcpConnection> tcp = {};  ///< Null: UDP.

    bool operator==(const Path&) const = default;
};

struct PathHash {
    size_t operator()(const Path& path) const { return EndpointHash()(path.remote) * 31 + path.socket; }
};

}  // namespace sluice::ice
