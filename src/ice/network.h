#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ice/endpoint.h"
#include "ice/network_stats.h"

namespace sluice::ice {

struct WebrtcBin;  // ice/agent.h

/// Lite: ours, one port for all (lite_network.h). Full: libnice's, for servers that no browser can reach.
enum class Agent { Lite, Full };

/// ice.* of the configuration.
struct Options {
    Agent agent = Agent::Lite;
    std::vector<std::string>
        addresses;  ///< Local addresses to offer. Empty: all but loopback and link-local, or loopback.
    std::string
        announced_address;  ///< 1:1 NAT: offered in place of the local addresses of its family. Empty: none.
    /// Lite: the first free port of [port_min, port_max] is taken. Full: each connection takes another one
    /// for each address. 0: any free one.
    uint16_t port_min = 0;
    uint16_t port_max = 0;
    size_t tcp_connections = 4096;             ///< ICE-TCP: at most so many; 0: none is offered.
    std::string stun_server;                   ///< Full: "stun://host:port"; empty: none.
    std::string turn_server;                   ///< Full: "turn://user:password@host:port"; empty: none.
    std::chrono::seconds consent_timeout{20};  ///< No check of a peer for so long: it has failed.
};

enum class PeerState { New, Connected, Failed, Closed };

struct Credentials {
    std::string ufrag;
    std::string pwd;
};

/// RTP only (RFC 7983 and RFC 5761 tell it from RTCP, DTLS and STUN). `bytes` are header and payload: the
/// SRTP authentication tag is not counted, so that a browser's getStats() agrees.
struct Traffic {
    uint64_t packets = 0;
    uint64_t bytes = 0;
};

/// Where a peer's media leaves: a copy of the sender's, brought up to date by Peer::refresh().
struct Destination {
    int fd = -1;  ///< A UDP socket of the network; -1: none yet, or not UDP. Then only Peer::send() will do.
    Endpoint remote;
    uint32_t version = 0;
};

/// One connection's end of the network: an ICE agent with one component. Thread-safe; close() or the last
/// reference ends it.
class Peer {
public:
    virtual ~Peer() = default;
    /// Descriptions say so (RFC 8445 section 2.5).
    virtual bool is_lite() const = 0;
    /// Calls `ready` once local() and candidates() are complete: at once, or on a thread of the agent's,
    /// which must only post. Not before the first description has been set.
    virtual void when_gathered(std::function<void()> ready) { ready(); }
    /// `a=candidate:` values without the "a=".
    virtual std::vector<std::string> candidates() const = 0;
    virtual Credentials local() const = 0;
    /// New local credentials (ICE restart, RFC 8445 section 9); a lite agent's old ones hold until the new
    /// ones are used.
    virtual Credentials restart() = 0;
    virtual void set_remote(Credentials remote) = 0;
    /// Of the same form as candidates(), after set_remote(), and again with what a later description has: a
    /// page may have offered before it had gathered any. A lite agent finds its peer by its checks.
    virtual void add_remote(const std::vector<std::string>& /*candidates*/) {}
    virtual PeerState state() const = 0;
    virtual Traffic received() const = 0;
    virtual Traffic sent() const = 0;
    /// "203.0.113.7:50123", with " (TCP)" behind it where it is; empty before a pair is selected.
    virtual std::string remote_address() const = 0;
    virtual void close() = 0;

    /// Never blocks. What cannot leave at once is dropped and counted: it is media.
    virtual void send(std::span<const uint8_t> datagram) = 0;
    /// Whether it has changed since it was copied; no lock, for every packet.
    bool is_stale(const Destination& destination) const {
        return destination.version != destination_version_.load(std::memory_order_acquire);
    }
    virtual void refresh(Destination& destination) const = 0;
    /// Counts RTP that an Outbox has sent, of this many bytes without the SRTP tag.
    virtual void count_sent(uint64_t packets, uint64_t bytes) = 0;

protected:
    std::atomic<uint32_t> destination_version_{1};  ///< Grows with every change of the path.
};

/// Makes the agents of all connections. Outlives them.
class Network {
public:
    virtual ~Network() = default;
    /// Binds what is shared; an error names the address, the port range and the system's reason.
    static Result<std::unique_ptr<Network>> open(const Options& options);
    /// A webrtcbin on a new peer. `on_state` is called on a thread of the network's that carries no media,
    /// and must only post; not called any more once Peer::close() has returned.
    virtual WebrtcBin make_webrtcbin(const char* name, std::function<void(PeerState)> on_state) = 0;
    /// Where media is expected, for the log: candidates, or addresses where each connection has its own
    /// ports.
    virtual std::vector<std::string> addresses() const = 0;
    virtual NetworkStats stats() const = 0;
    /// Counts what an Outbox has done.
    virtual void count_sent(uint64_t sent, uint64_t not_sent) = 0;
};

}  // namespace sluice::ice
