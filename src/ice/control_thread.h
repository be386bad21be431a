#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace sluice::ice {

/// A thread for what may take a moment: tasks in the order they were posted, and a tick each second. Its end
/// waits for the task that runs and drops the others.
class ControlThread {
public:
    explicit ControlThread(std::function<void()> on_tick);
    ~ControlThread();
    ControlThread(const ControlThread&) = delete;
    ControlThread& operator=(const ControlThread&) = delete;

    void post(std::function<void()> task);

private:
    void run();

    std::function<void()> on_tick_;
    std::mutex mutex_;
    std::condition_variable wakeup_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice::ice
