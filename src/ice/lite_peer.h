#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ice/network.h"
#include "ice/path.h"
#include "ice/rate_limit.h"
#include "ice/stun.h"
#include "ice/traffic_counter.h"

namespace sluice::ice {

class LiteNetwork;

/// Where what comes for a peer goes. It may be freed by the peer's threads, and does not call the peer as it
/// goes.
class Receiver {
public:
    virtual ~Receiver() = default;
    /// DTLS, RTP or RTCP from a path of the peer. The network thread; must not block.
    virtual void on_datagram(std::span<const uint8_t> datagram) = 0;
    /// The control thread.
    virtual void on_state(PeerState state) = 0;
};

/// An ICE-lite agent with one component. It answers checks, and makes one of its own in three cases only:
/// before media moves to another path, before a path of another peer becomes this one's, and when the peer
/// has long been silent (RFC 7675). Thread-safe.
///
/// After restart() all credentials that it has given out are good until the newest are used, since nobody
/// knows which of the descriptions that carry them have arrived.
class LitePeer final : public Peer, public std::enable_shared_from_this<LitePeer> {
public:
    LitePeer(LiteNetwork& network, std::function<void(PeerState)> on_state);

    bool is_lite() const override { return true; }
    std::vector<std::string> candidates() const override;
    Credentials local() const override;
    Credentials restart() override;
    void set_remote(Credentials remote) override;
    PeerState state() const override { return state_; }
    Traffic received() const override { return received_.now(); }
    Traffic sent() const override { return sent_.now(); }
    std::string remote_address() const override;
    void close() override;

    void send(std::span<const uint8_t> datagram) override;
    void refresh(Destination& destination) const override;
    void count_sent(uint64_t packets, uint64_t bytes) override { sent_.add(packets, bytes); }

    void set_receiver(std::weak_ptr<Receiver> receiver);

    // --- the network's side ---

    /// What a check has led to, for the network to carry out without the peer's lock.
    struct Verdict {
        enum class Answer { None, Success, RoleConflict, UnknownAttribute } answer = Answer::None;
        std::string password;              ///< To sign the answer with.
        std::optional<Path> forgotten;     ///< A path that made room for this one.
        std::vector<std::string> retired;  ///< Local ufrags that are no longer valid.
        bool connected = false;            ///< The first path of all.
    };
    Verdict on_check(const stun::Message& message, const Path& path);
    /// Whether the message answers a check of ours on that path: who sits at its end knows the peer's
    /// password.
    bool on_check_answered(const stun::Message& message, const Path& path);
    void on_datagram(std::span<const uint8_t> datagram);
    /// Another peer has this path: only an answered check of ours can take it from there.
    void prove(const Path& path);
    bool knows(const Path& path) const;
    /// The path is no longer there, or another peer's.
    void on_lost(const Path& path);
    /// Once a second, on the control thread.
    void on_tick(Clock::time_point now);
    void enter(PeerState state);
    /// Tells of a state: the control thread.
    void report(PeerState state);

private:
    struct KnownPath {
        Path path;
        Clock::time_point heard;
        RateLimit answers;
        Clock::time_point nominated{};  ///< The last time, and with which priority.
        uint32_t priority = 0;
        bool wanted = false;  ///< Our check is to be answered before it is used, or used again.
        unsigned checks = 0;  ///< Of ours in a row that were not answered; all are one transaction.
        stun::TransactionId transaction{};
    };
    void select(std::optional<Path> path);
    KnownPath* find(const Path& path);
    KnownPath& remember(const Path& path, Clock::time_point now, Verdict& verdict);
    void consider(KnownPath& known, Clock::time_point now);
    bool is_nominated(const KnownPath& known, Clock::time_point now) const;
    void want(KnownPath& known);
    void check(KnownPath& known);
    bool becomes_connected();

    LiteNetwork& network_;
    std::atomic<PeerState> state_{PeerState::New};
    TrafficCounter received_, sent_;

    mutable std::mutex mutex_;        // up to the next one
    std::vector<Credentials> local_;  ///< The newest last.
    std::string used_, used_by_;      ///< The ufrags of the last authentic check, ours and the peer's.
    Credentials remote_;
    std::string paired_;  ///< The ufrag that goes with these: the newest then, or as the peer's checks say.
    std::optional<Path> selected_;
    Clock::time_point heard_;  ///< A check, or the answer to one of ours, on the selected path.
    std::vector<KnownPath> known_;
    RateLimit strangers_;  ///< Answers to paths that are not known yet.

    // close() waits for who is in the receiver: who tears webrtcbin down has its elements for itself then,
    // and none of them goes with a thread of the network's.
    std::mutex receiving_;  ///< The network thread's alone but for the beginning and the end.
    std::weak_ptr<Receiver> receiver_;

    std::mutex reporting_;  ///< Held while the receiver's on_state() and on_state_ run. Before receiving_.
    std::function<void(PeerState)> on_state_;
};

}  // namespace sluice::ice
