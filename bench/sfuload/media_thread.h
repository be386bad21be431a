#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "peer/dtls.h"
#include "peer/loop.h"
#include "sfuload/histogram.h"

namespace sluice::load {

/// The one thread of all peers. They are made, used and destroyed on it alone, through call().
class MediaThread {
public:
    MediaThread();
    /// All peers are gone by now.
    ~MediaThread();

    /// Runs `task` on the thread and waits for what it returns. Any thread but this one.
    template <typename Task>
    auto call(Task task) {
        std::packaged_task<std::invoke_result_t<Task>()> packaged(std::move(task));
        auto result = packaged.get_future();
        post([&packaged] { packaged(); });
        return result.get();
    }
    peer::Time cpu_time() const;  ///< Any thread.
    /// Whether it runs before all ordinary threads of the machine (SCHED_RR), which needs the right to.
    bool has_priority() const { return has_priority_; }

    // The rest is for the thread itself.

    peer::Loop& loop() { return *loop_; }
    const peer::Certificate& certificate() const { return certificate_; }
    /// While somebody connects the thread answers within 0.1 ms; else it saves its wake-ups, which would cost
    /// the measured server too. Each call with `true` is followed by one with `false`.
    void set_connecting(bool connecting);

    /// RTP of all peers since the beginning, as SRTP within UDP.
    struct Totals {
        uint64_t packets = 0;
        uint64_t bytes = 0;
    } received;
    /// From the kernel's taking a datagram in to our reading it, since the last clear().
    Histogram read_delay;

private:
    void post(std::function<void()> task);
    void run(std::promise<void> ready);

    const peer::Certificate certificate_;
    std::unique_ptr<peer::Loop> loop_;
    GMainContext* context_ = nullptr;  ///< The loop's.
    clockid_t cpu_clock_{};
    bool has_priority_ = false;
    bool stopping_ = false;
    int connecting_ = 0;
    std::thread thread_;
};

}  // namespace sluice::load
