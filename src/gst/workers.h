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

/// Threads for what may wait, and so never runs on the scheduler's: changes of state to NULL wait for
/// streaming threads, files for disks.
class Workers {
public:
    explicit Workers(unsigned threads);
    ~Workers();  ///< Waits for all that was given, and for what that gives in its turn.
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// Runs `work` on one of them. Any thread may call. `name` says in the log what hangs, should it hang.
    void run(std::string name, std::function<void()> work);

    /// Logs, once each, what has been running for longer than `limit`. For a timer of the owner.
    void report_stuck(std::chrono::milliseconds limit);

private:
    struct Job;
    void perform(Job* job);

    std::mutex mutex_;  // up to the pool
    size_t unfinished_ = 0;
    std::condition_variable finished_;  ///< unfinished_ is 0.
    Job* jobs_ = nullptr;               ///< Those under way, a list.
    GThreadPool* pool_;
};

}  // namespace sluice::gst
