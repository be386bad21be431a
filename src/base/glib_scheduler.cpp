#include "base/glib_scheduler.h"

#include <memory>
#include <utility>

namespace sluice {

// One source for every posted task, woken by its ready time. Not g_main_context_invoke(): that runs the
// function inside the call whenever the context is free or already ours, so a caller that holds a lock
// or is half-way through a change would be re-entered.
GlibScheduler::GlibScheduler(GMainContext* context)
    : context_(g_main_context_ref(context)), start_us_(g_get_monotonic_time()) {
    static GSourceFuncs funcs = {nullptr,
                                 nullptr,
                                 [](GSource* source, GSourceFunc callback, gpointer data) -> gboolean {
                                     g_source_set_ready_time(source, -1);
                                     return callback(data);
                                 },
                                 nullptr,
                                 nullptr,
                                 nullptr};
    wakeup_ = g_source_new(&funcs, sizeof(GSource));
    g_source_set_callback(
        wakeup_,
        [](gpointer self) -> gboolean {
            static_cast<GlibScheduler*>(self)->run_queued();
            return G_SOURCE_CONTINUE;
        },
        this, nullptr);
    g_source_attach(wakeup_, context_);
}

/// A task that is dropped may drop what it holds, and that may post once more: a Done that answers an error.
GlibScheduler::~GlibScheduler() {
    for (std::deque<Task> dropped; dropped.swap(queue_), !dropped.empty(); dropped.clear()) {
    }
    g_source_destroy(wakeup_);
    g_source_unref(wakeup_);
    g_main_context_unref(context_);
}

void GlibScheduler::post(Task task) {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
    g_source_set_ready_time(wakeup_, 0);
}

void GlibScheduler::run_queued() {
    std::deque<Task> due;
    {
        std::lock_guard lock(mutex_);
        due.swap(queue_);
    }
    for (auto& task : due) task();
}

void GlibScheduler::after(Duration delay, Task task) {
    GSource* timer = g_timeout_source_new(static_cast<guint>(delay.count()));
    g_source_set_callback(
        timer,
        [](gpointer data) -> gboolean {
            (*static_cast<Task*>(data))();
            return G_SOURCE_REMOVE;
        },
        std::make_unique<Task>(std::move(task)).release(),
        [](gpointer data) { delete static_cast<Task*>(data); });
    g_source_attach(timer, context_);
    g_source_unref(timer);
}

Scheduler::Duration GlibScheduler::now() const {
    return std::chrono::duration_cast<Duration>(
        std::chrono::microseconds(g_get_monotonic_time() - start_us_));
}

}  // namespace sluice
