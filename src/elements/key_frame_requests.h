#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include <gst/gst.h>

namespace sluice::elements {

/// Merges requests for key frames: the producer gets at most one per kInterval, none is lost. One that comes
/// too early waits; one that no key frame follows is repeated, since a PLI may be lost, kTries times in all.
/// After those it is up to the caller to ask again, when it sees that there is somebody to answer.
/// Thread-safe.
class KeyFrameRequests {
public:
    static constexpr GstClockTime kInterval = 500 * GST_MSECOND;
    static constexpr unsigned kTries = 10;

    /// A part of `owner`, which a running timer keeps alive. `send` passes one request on, false: there is
    /// nobody to ask, and the next one need not wait. On the thread that asks, or on one of GStreamer's pool;
    /// never under a lock.
    KeyFrameRequests(GstElement* owner, std::function<bool()> send) : owner_(owner), send_(std::move(send)) {}
    ~KeyFrameRequests() { stop(); }
    KeyFrameRequests(const KeyFrameRequests&) = delete;
    KeyFrameRequests& operator=(const KeyFrameRequests&) = delete;

    void ask(GstClock* clock);
    /// A key frame has come: what was asked for before is answered. Per key frame, not per packet.
    void answered();
    /// Asked for, not answered, and not repeated any more. Takes no lock: it is looked at for each packet.
    bool is_given_up() const { return given_up_.load(std::memory_order_relaxed); }
    /// Forgets what is open and cancels the timer.
    void stop();
    guint64 sent() const { return sent_; }

private:
    void wait_until(GstClockTime time);
    void cancel();
    void on_time();
    void send_if_wanted();

    GstElement* owner_;
    std::function<bool()> send_;
    std::atomic<guint64> sent_{0};
    std::atomic<bool> given_up_{false};
    std::mutex mutex_;  // all below
    bool wanted_ = false;
    unsigned tries_ = 0;
    GstClockTime last_sent_ = GST_CLOCK_TIME_NONE;
    GstClock* clock_ = nullptr;  ///< Owned; of the last request.
    GstClockID timer_ = nullptr;
};

}  // namespace sluice::elements
