#pragma once

#include <chrono>
#include <functional>

namespace sluice {

/// The one thread on which room state lives. Production: a GMainContext. Tests: a hand-turned queue.
class Scheduler {
public:
    using Task = std::function<void()>;
    using Duration = std::chrono::milliseconds;
    virtual ~Scheduler() = default;

    /// Runs task later on the scheduler's thread, never inside this call. Any thread may call.
    virtual void post(Task task) = 0;
    /// Runs task once after delay. Scheduler thread only.
    virtual void after(Duration delay, Task task) = 0;
    /// Time since the scheduler started, monotonic.
    virtual Duration now() const = 0;
};

}  // namespace sluice
