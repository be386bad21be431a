#pragma once

#include <atomic>
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
    /// Names in the log what is under way on the threads of all Workers. Any thread may call.
    static void report_unfinished();

private:
    struct Job;
    void perform(Job* job);

    std::mutex mutex_;  // up to the pool
    size_t unfinished_ = 0;
    std::condition_variable finished_;  ///< unfinished_ is 0.
    GThreadPool* pool_;
};

}  // namespace sluice::gst
