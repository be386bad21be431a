#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ice/control_thread.h"
#include "ice/lite_peer.h"
#include "ice/tcp_server.h"
#include "ice/udp_socket.h"

namespace sluice::ice {

/// One UDP socket and one TCP listener per local address, all on one port, for every peer. What comes in is
/// told apart by RFC 7983: STUN goes by the local ufrag of its user name, all else by the path it came on,
/// which a check must have proven before.
///
/// Two threads: one reads the sockets, before all other threads of the process where that is allowed
/// (RLIMIT_NICE); one keeps time and reports states, which may take a moment.
class LiteNetwork final : public Network {
public:
    static Result<std::unique_ptr<LiteNetwork>> bind(const Options& options);
    ~LiteNetwork() override;
    LiteNetwork(const LiteNetwork&) = delete;
    LiteNetwork& operator=(const LiteNetwork&) = delete;

    WebrtcBin make_webrtcbin(const char* name, std::function<void(PeerState)> on_state) override;
    std::vector<std::string> addresses() const override { return candidates_; }
    NetworkStats stats() const override;
    void count_sent(uint64_t sent, uint64_t not_sent) override;

    std::shared_ptr<LitePeer> make_peer(std::function<void(PeerState)> on_state);

    // --- the peers' side; any thread ---
    const std::vector<std::string>& candidates() const { return candidates_; }
    bool send(const Path& path, std::span<const uint8_t> datagram, IfFull if_full = IfFull::Drop);
    int descriptor(const Path& path) const { return path.tcp ? -1 : sockets_[path.socket].fd(); }
    void rename(const std::string& retired, const std::string& fresh, std::shared_ptr<LitePeer> peer);
    void forget(const LitePeer& peer, const std::vector<std::string>& ufrags);
    void forget(const LitePeer& peer, std::vector<Path> paths);
    /// Runs on the control thread.
    void post(std::function<void()> task);
    uint64_t tie_breaker() const { return tie_breaker_; }
    std::chrono::seconds consent_timeout() const { return options_.consent_timeout; }

private:
    /// Whose datagrams of a path are.
    struct Route {
        std::shared_ptr<LitePeer> peer;
        std::weak_ptr<LitePeer> claimant;  ///< Another one that has sent a check, and is to prove it.
    };
    struct TextHash : std::hash<std::string_view> {
        using is_transparent = void;
    };

    explicit LiteNetwork(const Options& options);
    Status open_sockets(const std::vector<Endpoint>& addresses, uint16_t port);
    void close_sockets();
    Status start();

    // --- the network thread ---
    void read_sockets();
    void on_wakeup();
    void read(size_t socket);
    bool on_frame(const std::shared_ptr<TcpConnection>& connection, std::span<const uint8_t> frame);
    void on_stun(const Path& path, std::span<const uint8_t> datagram);
    void on_check(const Path& path, const stun::Message& message);
    void on_check_answered(const Path& path, const stun::Message& message);
    void route(const Path& path, const std::shared_ptr<LitePeer>& peer);
    void unroute(const LitePeer& peer, const Path& path);

    // --- the control thread ---
    void tick();

    std::unordered_set<std::shared_ptr<LitePeer>> peers() const;

    Options options_;
    uint64_t tie_breaker_ = 0;
    std::vector<UdpSocket> sockets_;
    std::vector<std::string> candidates_;
    int epoll_ = -1;
    int wakeup_ = -1;
    std::atomic<bool> stopping_{false};

    // The network thread's.
    std::unique_ptr<DatagramBatch>
        batch_;  ///< On the heap: as a thread_local every thread of the process would pay for it.
    std::unordered_map<Path, Route, PathHash> routes_;  ///< UDP.
    std::unique_ptr<TcpServer> tcp_;

    mutable std::mutex mutex_;  // up to the next one
    std::unordered_map<std::string, std::shared_ptr<LitePeer>, TextHash, std::equal_to<>> by_ufrag_;
    std::vector<std::pair<const LitePeer*, Path>> forgotten_;  ///< For the network thread.

    struct Counters {
        std::atomic<uint64_t> received{0}, unknown{0}, rejected{0}, sent{0}, not_sent{0};
    } counters_;
    std::optional<ControlThread> control_;
    std::thread reader_;
};

}  // namespace sluice::ice
