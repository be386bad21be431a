#include "gst/workers.h"

#include <utility>

#include "base/log.h"

namespace sluice::gst {

struct Workers::Job {
    std::string name;
    std::function<void()> work;
    Job* next = nullptr;

    static inline std::mutex mutex;
    static inline Job* under_way = nullptr;  ///< A list, of all Workers.
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
    g_thread_pool_push(pool_, new Job{.name = std::move(name), .work = std::move(work)}, nullptr);
}

void Workers::perform(Job* job) {
    {
        std::lock_guard lock(Job::mutex);
        job->next = std::exchange(Job::under_way, job);
    }
    job->work();
    job->work = nullptr;  // What it held may hang too, as it goes.
    {
        std::lock_guard lock(Job::mutex);
        Job** at = &Job::under_way;
        while (*at != job) at = &(*at)->next;
        *at = job->next;
    }
    delete job;
    std::lock_guard lock(mutex_);
    if (--unfinished_ == 0)
        finished_.notify_all();
}

void Workers::report_unfinished() {
    std::lock_guard lock(Job::mutex);
    for (const Job* job = Job::under_way; job; job = job->next) log::error("hangs", {{"what", job->name}});
}

}  // namespace sluice::gst
