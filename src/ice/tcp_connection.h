#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "ice/endpoint.h"
#include "ice/rate_limit.h"

namespace sluice::ice {

class LitePeer;

/// What becomes of a datagram for a peer that does not take what has been sent before. Media is dropped; a
/// check or its answer waits, or a connection would be given up for a link that is merely slow.
enum class IfFull { Drop, Wait };

/// An accepted TCP connection that carries datagrams, each behind its length in two bytes (RFC 4571 section
/// 2). The network thread reads; any thread sends. The descriptor is closed with the last reference.
class TcpConnection {
public:
    /// A frame may be as long as a UDP datagram that the network takes.
    static constexpr size_t kMaxFrame = 2048;

    /// Takes over `fd` and puts it into `epoll` with `tag`.
    TcpConnection(int fd, const Endpoint& remote, int epoll, uint64_t tag);
    ~TcpConnection();
    TcpConnection(const TcpConnection&) = delete;
    TcpConnection& operator=(const TcpConnection&) = delete;

    const Endpoint& remote() const { return remote_; }
    uint64_t tag() const { return tag_; }

    /// Never blocks. False, and dropped whole: the peer does not take what has been sent before, or has gone.
    bool send(std::span<const uint8_t> datagram, IfFull if_full = IfFull::Drop);

    // --- the network thread ---

    static constexpr size_t kBuffer = kMaxFrame + 2 + (64 << 10);
    /// Reads what is there, but no more than a fair share, through `buffer`, of kBuffer bytes, which may be
    /// any connection's. False: the connection is to be closed.
    bool read(std::span<uint8_t> buffer, const std::function<bool(std::span<const uint8_t> frame)>& on_frame);
    /// Sends the rest of a frame. False: the connection is to be closed.
    bool flush();
    /// Nothing comes or goes any more.
    void shut();

    std::shared_ptr<LitePeer> peer;  ///< Whose first authentic check came on it; null: nobody's yet.
    Clock::time_point accepted = Clock::now();
    unsigned strange_frames = 0;  ///< Before there was a peer.

private:
    void watch(bool writable);
    bool send_rest();

    const int fd_;
    const Endpoint remote_;
    const int epoll_;
    const uint64_t tag_;
    std::vector<uint8_t> partial_;  ///< The beginning of a frame.

    std::mutex mutex_;           // sending
    std::vector<uint8_t> rest_;  ///< Of a frame that the system took a part of, and frames that wait.
    bool shut_ = false;
};

}  // namespace sluice::ice
