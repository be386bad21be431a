#pragma once

#include <map>
#include <utility>

#include "base/scheduler.h"

namespace sluice::test {

/// A scheduler whose clock only moves when a test says so.
class FakeScheduler final : public Scheduler {
public:
    void post(Task task) override { queue_.emplace(now_, std::move(task)); }
    void after(Duration delay, Task task) override { queue_.emplace(now_ + delay, std::move(task)); }
    Duration now() const override { return now_; }

    /// Runs everything due up to now + step, in due order, including what those tasks queue.
    void advance(Duration step = Duration::zero()) {
        const auto until = now_ + step;
        while (!queue_.empty() && queue_.begin()->first <= until) {
            auto entry = queue_.extract(queue_.begin());
            now_ = entry.key();
            entry.mapped()();
        }
        now_ = until;
    }
    size_t pending() const { return queue_.size(); }

private:
    Duration now_{0};
    std::multimap<Duration, Task> queue_;
};

}  // namespace sluice::test
