#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ice/endpoint.h"
#include "ice/network.h"
#include "ice/stun.h"

namespace sluice::ice {

class LiteNetwork;
using Clock = std::chrono::steady_clock;

/// Where what comes for a peer goes.
class Receiver {
public:
    virtual ~Receiver() = default;
    /// DTLS, RTP or RTCP from a proven address. The network thread; must not block.
    virtual void on_datagram(std::span<const uint8_t> datagram) = 0;
    /// The control thread.
    virtual void on_state(PeerState state) = 0;
};

/// An ICE-lite agent with one component: it answers checks, never begins any but to validate a changed path.
/// Thread-safe.
class LitePeer final : public Peer, public std::enable_shared_from_this<LitePeer> {
public:
    LitePeer(LiteNetwork& network, std::function<void(PeerState)> on_state);

    Credentials local() const override;
    Credentials restart() override;
    void set_remote(Credentials remote) override;
    PeerState state() const override { return state_; }
    Traffic received() const override { return received_.now(); }
    Traffic sent() const override { return sent_.now(); }
    std::string remote_address() const override;
    void close() override;

    void set_receiver(std::weak_ptr<Receiver> receiver);
    /// Any thread; never blocks. What cannot leave at once is dropped and counted: it is media.
    void send(std::span<const uint8_t> datagram);

    // --- the network's side ---

    /// A local address and a remote one.
    struct Path {
        size_t socket = 0;
        Endpoint remote;
        bool operator==(const Path&) const = default;
    };
    /// What a check has led to, for the network to carry out without the peer's lock.
    struct Verdict {
        enum class Answer { None, Success, RoleConflict, UnknownAttribute } answer = Answer::None;
        std::string password;               ///< To sign the answer with.
        bool proven = false;                ///< The path is new.
        std::optional<Endpoint> forgotten;  ///< A path that made room for it.
        std::string retired;                ///< A local ufrag that is no longer valid.
        bool connected = false;             ///< The first path of all.
    };
    Verdict on_check(const stun::Message& message, const Path& path);
    void on_check_answered(const stun::Message& message, const Path& path);
    void on_datagram(const Path& path, std::span<const uint8_t> datagram);
    /// Once a second, on the control thread.
    void on_tick(Clock::time_point now, std::chrono::seconds consent_timeout);
    void enter(PeerState state);
    /// Tells of a state: the control thread.
    void report(PeerState state);

private:
    struct KnownPath {
        Path path;
        Clock::time_point heard;
        bool wanted = false;     ///< Nominated, and not in use yet.
        bool validated = false;  ///< Its end has answered a check of ours.
        unsigned checks = 0;
        stun::TransactionId transaction{};
    };
    class Counter {
    public:
        void count(std::span<const uint8_t> datagram);
        Traffic now() const { return {packets_, bytes_}; }

    private:
        std::atomic<uint64_t> packets_{0}, bytes_{0};
    };

    void consider(KnownPath& known, bool nominated);
    void check(KnownPath& known);
    bool becomes_connected();

    LiteNetwork& network_;
    std::atomic<PeerState> state_{PeerState::New};
    std::atomic<Clock::rep> heard_{0};
    Counter received_, sent_;

    mutable std::mutex mutex_;  // up to the next one
    Credentials now_, before_;
    Credentials remote_;
    bool remote_is_current_ = true;  ///< false: of before our restart; the peer may use its new ones already.
    std::optional<Path> selected_;
    std::vector<KnownPath> known_;
    std::weak_ptr<Receiver> receiver_;

    std::mutex reporting_;  ///< Held while on_state_ runs, so that close() can wait for it.
    std::function<void(PeerState)> on_state_;
};

}  // namespace sluice::ice
