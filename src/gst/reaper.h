#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <glib.h>

#include "base/scheduler.h"

namespace sluice::gst {

/// The tear-down threads: state changes to NULL may wait for streaming threads, so they never run on the
/// scheduler's.
class Reaper {
public:
    explicit Reaper(unsigned threads);
    ~Reaper();  ///< Waits for all that was given, and for what that gives in its turn.
    Reaper(const Reaper&) = delete;
    Reaper& operator=(const Reaper&) = delete;

    /// Runs `work` on a tear-down thread. Any thread may call. `name` says in the log what hangs, should it
    /// hang.
    void reap(std::string name, std::function<void()> work);

    /// Logs, once each, what has been running for longer than `limit`. For a timer of the owner.
    void report_stuck(std::chrono::milliseconds limit);

private:
    struct Job;
    void run(Job* job);

    std::mutex mutex_;  // up to the pool
    size_t unfinished_ = 0;
    std::condition_variable finished_;  ///< unfinished_ is 0.
    Job* jobs_ = nullptr;               ///< Those under way, a list.
    GThreadPool* pool_;
};

}  // namespace sluice::gst
