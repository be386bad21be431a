#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "ice/lite_peer.h"

namespace sluice::ice {

/// One UDP socket per local address, all on one port, for every peer. What comes in is told apart by RFC
/// 7983: STUN goes by the local ufrag of its user name, all else by the remote address, which a check must
/// have proven before.
///
/// Two threads: one reads the sockets; one keeps time and reports states, which may take a moment.
class LiteNetwork final : public Network {
public:
    static Result<std::unique_ptr<LiteNetwork>> bind(const Options& options);
    ~LiteNetwork() override;
    LiteNetwork(const LiteNetwork&) = delete;
    LiteNetwork& operator=(const LiteNetwork&) = delete;

    const std::vector<std::string>& candidates() const override { return candidates_; }
    NetworkStats stats() const override;

    std::shared_ptr<LitePeer> make_peer(std::function<void(PeerState)> on_state);

    // --- the peers' side; any thread ---
    bool send(size_t socket, const Endpoint& to, std::span<const uint8_t> datagram);
    void rename(const std::string& retired, const std::string& fresh, std::shared_ptr<LitePeer> peer);
    void forget(const LitePeer& peer, std::initializer_list<std::string> ufrags);
    void forget(const LitePeer& peer, const Endpoint& remote);
    /// Runs on the control thread.
    void post(std::function<void()> task);
    uint64_t tie_breaker() const { return tie_breaker_; }

private:
    struct Socket {
        int fd = -1;
        Endpoint local;
    };
    struct Batch;

    explicit LiteNetwork(const Options& options);
    Status open_sockets(std::vector<Endpoint> addresses, uint16_t port);
    void close_sockets();
    void start();
    void read_sockets();
    void read(size_t socket);
    void on_stun(size_t socket, const Endpoint& from, std::span<const uint8_t> datagram);
    void on_check(size_t socket, const Endpoint& from, const stun::Message& message);
    std::shared_ptr<LitePeer> at(const Endpoint& remote) const;
    void keep_time();
    void tick();

    Options options_;
    uint64_t tie_breaker_ = 0;
    std::vector<Socket> sockets_;
    std::vector<std::string> candidates_;
    int epoll_ = -1;
    int wakeup_ = -1;
    std::unique_ptr<Batch>
        batch_;  ///< On the heap: as a thread_local every thread of the process would pay for it.
    std::atomic<bool> stopping_{false};

    mutable std::mutex mutex_;  // the two tables
    std::unordered_map<std::string, std::shared_ptr<LitePeer>> by_ufrag_;
    std::unordered_map<Endpoint, std::shared_ptr<LitePeer>, EndpointHash> by_remote_;

    std::mutex control_mutex_;
    std::condition_variable control_wakeup_;
    std::deque<std::function<void()>> control_tasks_;

    struct Counters {
        std::atomic<uint64_t> received{0}, unknown{0}, rejected{0}, sent{0}, not_sent{0};
    } counters_;
    std::thread reader_, control_;
};

}  // namespace sluice::ice
