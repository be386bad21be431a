#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::ice {

/// Of all connections since the start of the process. With the full agent only `peers`.
struct NetworkStats {
    uint64_t datagrams_received = 0;  ///< Frames of TCP included, here and below.
    uint64_t datagrams_dropped = 0;   ///< Not among them: UDP that came and was not read in time.
    /// Neither STUN nor from a proven address, or RTCP that no browser sends: dropped.
    uint64_t datagrams_unknown = 0;
    uint64_t stun_rejected = 0;  ///< Malformed, not authentic, for nobody, or too often: no answer.
    uint64_t datagrams_sent = 0;
    uint64_t datagrams_not_sent = 0;  ///< The socket or connection was full, or the system refused.
    size_t peers = 0;
    size_t tcp_connections = 0;
    uint64_t tcp_refused = 0;  ///< Beyond the limits.
};

}  // namespace sluice::ice
