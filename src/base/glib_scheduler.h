#pragma once

#include <deque>
#include <mutex>

#include <glib.h>

#include "base/scheduler.h"

namespace sluice {

/// Scheduler on a GMainContext; whoever runs that context is the scheduler thread.
class GlibScheduler final : public Scheduler {
public:
    explicit GlibScheduler(GMainContext* context);
    ~GlibScheduler() override;
    GlibScheduler(const GlibScheduler&) = delete;
    GlibScheduler& operator=(const GlibScheduler&) = delete;

    void post(Task task) override;
    void after(Duration delay, Task task) override;
    Duration now() const override;

private:
    void run_queued();

    GMainContext* context_;
    GSource* wakeup_;
    gint64 start_us_;
    std::mutex mutex_;        ///< A std::mutex, so that ThreadSanitizer sees the hand-over; GLib's locks are
                              ///< invisible to it.
    std::deque<Task> queue_;  ///< Guarded by mutex_.
};

}  // namespace sluice
