#include "gst/workers.h"

#include <utility>

#include "base/log.h"

namespace sluice::gst {

struct Workers::Job {
    std::string name;
    std::function<void()> work;
    std::chrono::steady_clock::time_point started;
    bool reported = false;
    Job* next = nullptr;
};

Workers::Workers(unsigned threads)
    : pool_(g_thread_pool_new(
          [](gpointer job, gpointer self) { static_cast<Workers*>(self)->perform(static_cast<Job*>(job)); },
          this, static_cast<gint>(threads), FALSE, nullptr)) {}

Workers::~Workers() {
    {
        // A pool that is being freed takes no more, and what a job holds may give more when it lets go of it.
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [this] { return unfinished_ == 0; });
    }
    g_thread_pool_free(pool_, FALSE, TRUE);
}

void Workers::run(std::string name, std::function<void()> work) {
    {
        std::lock_guard lock(mutex_);
        unfinished_++;
    }
    g_thread_pool_push(pool_, new Job{.name = std::move(name), .work = std::move(work), .started = {}},
                       nullptr);
}

void Workers::perform(Job* job) {
    {
        std::lock_guard lock(mutex_);
        job->started = std::chrono::steady_clock::now();
        job->next = std::exchange(jobs_, job);
    }
    job->work();
    {
        std::lock_guard lock(mutex_);
        Job** at = &jobs_;
        while (*at != job) at = &(*at)->next;
        *at = job->next;
    }
    if (job->reported)
        log::warning("ended late", {{"what", job->name}});
    delete job;
    std::lock_guard lock(mutex_);
    if (--unfinished_ == 0)
        finished_.notify_all();
}

void Workers::report_stuck(std::chrono::milliseconds limit) {
    const auto now = std::chrono::steady_clock::now();
    std::lock_guard lock(mutex_);
    for (Job* job = jobs_; job; job = job->next)
        if (!job->reported && now - job->started > limit) {
            job->reported = true;
            log::error("hangs", {{"what", job->name}});
        }
}

}  // namespace sluice::gst
