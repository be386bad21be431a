#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "ice/tcp_connection.h"

namespace sluice::ice {

/// Listens for connections of active ICE-TCP candidates (RFC 6544). A connection is a stranger's until an
/// authentic check has come on it: strangers have kHandshake to do so, and there are at most
/// kStrangersPerSource of them from one source. All together are at most half of all connections and a part
/// of the process's descriptors; the oldest of them makes room, so that nobody who authenticates at once is
/// kept out by others. The network thread's, but for the counters.
class TcpServer {
public:
    static constexpr std::chrono::seconds kHandshake{5};
    static constexpr size_t kStrangersPerSource = 64;  ///< Of one IPv4 address or IPv6 network (/64).
    static constexpr unsigned kStrangeFrames = 16;     ///< That do not authenticate; then it is closed.

    struct Hooks {
        /// False: the connection is to be closed.
        std::function<bool(const std::shared_ptr<TcpConnection>&, std::span<const uint8_t> frame)> on_frame;
        std::function<void(const std::shared_ptr<TcpConnection>&)> on_closed;
    };

    /// `most`: connections in all; 0: listens nowhere.
    TcpServer(size_t most, Hooks hooks) : most_(most), hooks_(std::move(hooks)) {}
    ~TcpServer();
    TcpServer(const TcpServer&) = delete;
    TcpServer& operator=(const TcpServer&) = delete;

    /// Before start(). An error is errno, its text the call.
    Status listen(const Endpoint& local);
    void stop_listening();
    /// From now on what comes is in `epoll`: a listener under listener_tag + its index, a connection under
    /// connection_tag + a number. False: epoll refuses, errno says why.
    bool start(int epoll, uint64_t listener_tag, uint64_t connection_tag);

    void on_listener(size_t index);
    void on_connection(uint64_t tag, uint32_t events);
    /// The first authentic check has come.
    void authenticated(const std::shared_ptr<TcpConnection>& connection, std::shared_ptr<LitePeer> peer);
    void close(const std::shared_ptr<TcpConnection>& connection);
    /// Closes those whose time has passed; the milliseconds until the next look, -1: none is needed.
    int expire(Clock::time_point now);

    size_t connections() const { return count_.load(std::memory_order_relaxed); }
    uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

private:
    static std::string source_of(const Endpoint& remote);
    void accept(int fd, const Endpoint& remote);
    void close_oldest_stranger();
    void no_longer_strange(const TcpConnection& connection);

    const size_t most_;
    const Hooks hooks_;
    std::vector<int> listeners_;
    int spare_ = -1;  ///< A descriptor to give up for a moment when there are no more, so as to refuse.
    int epoll_ = -1;
    uint64_t next_tag_ = 0;
    std::map<uint64_t, std::shared_ptr<TcpConnection>> connections_;  ///< The oldest first.
    std::unordered_map<std::string, size_t> strangers_;               ///< How many of each source.
    std::vector<uint8_t> buffer_;                                     ///< Of every read.
    size_t strange_ = 0;                                              ///< In all.
    size_t most_strange_ = 0;
    Clock::time_point next_expiry_;
    std::atomic<size_t> count_{0};
    std::atomic<uint64_t> refused_{0};
};

}  // namespace sluice::ice
