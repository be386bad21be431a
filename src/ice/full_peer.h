#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <sys/time.h>
#include <vector>

#include "ice/full_agent.h"
#include "ice/rate_limit.h"
#include "ice/traffic_counter.h"

namespace sluice::ice {

/// A full agent (RFC 8445) of libnice's in one webrtcbin. Thread-safe; its state is told on the agent's
/// thread.
class FullPeer final : public Peer {
public:
    FullPeer(const gst::Ref<GstWebRTCICE>& agent, std::function<void(PeerState)> on_state);
    ~FullPeer() override;
    /// Counts what passes the bin's transport, and follows the agent's state. Once, before the bin has a
    /// description.
    void watch(GstElement* webrtcbin);

    bool is_lite() const override { return false; }
    void when_gathered(std::function<void()> ready) override;
    std::vector<std::string> candidates() const override;
    Credentials local() const override;
    Credentials restart() override;
    void set_remote(Credentials remote) override;
    void add_remote(const std::vector<std::string>& candidates) override;
    PeerState state() const override { return shared_->state; }
    Traffic received() const override { return shared_->received.now(); }
    Traffic sent() const override { return shared_->sent.now(); }
    std::string remote_address() const override;
    void close() override;
    void send(std::span<const uint8_t> datagram) override;
    /// libnice's sockets are its own: always -1.
    void refresh(Destination& destination) const override;
    void count_sent(uint64_t packets, uint64_t bytes) override { shared_->sent.add(packets, bytes); }

    /// Once a second, on the network's control thread.
    void on_tick(Clock::time_point now, std::chrono::seconds consent_timeout);

private:
    /// What callbacks of libnice and GStreamer use. It does not hold the agent, whose end waits for its
    /// thread and so must not come on that.
    struct Shared {
        void enter(PeerState next);

        std::atomic<PeerState> state{PeerState::New};
        std::atomic<bool> given_up{false};  ///< By libnice, which may change its mind.
        TrafficCounter received, sent;
        std::mutex mutex;  ///< Held while a callback of ours runs, so that close() can wait for it.
        std::function<void(PeerState)> on_state;
        bool gathered = false;
        std::vector<std::function<void()>> on_gathered;
    };
    static void count(GstPad* pad, std::shared_ptr<Shared> shared, TrafficCounter& counter);
    static void on_gathered(NiceAgent*, guint stream, Shared* shared) noexcept;
    static void on_component(NiceAgent*, guint stream, guint component, guint state, Shared* shared) noexcept;
    static void on_element(GstBin*, GstBin*, GstElement* element, std::shared_ptr<Shared>* shared) noexcept;

    const gst::Ref<GstWebRTCICE> agent_;
    const gst::Ref<NiceAgent> nice_;
    std::atomic<Clock::time_point> restarted_{};
    Clock::time_point heard_;  ///< When on_tick() saw that something had come.
    timeval stamp_{};          ///< Of what came last.
    const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace sluice::ice
