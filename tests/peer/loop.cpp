#include "peer/loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <glib-unix.h>

namespace sluice::peer {

Time now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

Timer::Timer(Loop& loop, std::function<void()> task) : loop_(loop), task_(std::move(task)) {}

Timer::~Timer() {
    stop();
}

void Timer::at(Time due) {
    stop();
    due_ = std::max(due, Time(1));
    loop_.timers_.emplace(due_, this);
    loop_.arm();
}

void Timer::after(Time delay) {
    at(now() + delay);
}

void Timer::stop() {
    if (due_ == Time::zero())
        return;
    loop_.timers_.erase({due_, this});
    due_ = Time::zero();
}

static int add_to(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

Loop::Loop()
    : context_(g_main_context_new()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      sockets_(epoll_create1(EPOLL_CLOEXEC)),
      timerfd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      read_timer_(*this, [this] {
          read_sockets();
          if (pace_.reads > Time::zero())  // A callback may have changed it.
              read_timer_.after(pace_.reads);
      }) {
    if (epoll_ < 0 || sockets_ < 0 || timerfd_ < 0 || add_to(epoll_, timerfd_) < 0 ||
        add_to(epoll_, sockets_) < 0)
        g_error("cannot make the event loop: %s", g_strerror(errno));
    g_main_context_push_thread_default(context_);
    source_ = g_unix_fd_source_new(epoll_, G_IO_IN);
    g_source_set_callback(source_, G_SOURCE_FUNC(on_events), this, nullptr);
    g_source_attach(source_, context_);
}

Loop::~Loop() {
    read_timer_.stop();
    g_assert(timers_.empty() && watched_.empty());
    g_source_destroy(source_);
    g_source_unref(source_);
    g_main_context_pop_thread_default(context_);
    g_main_context_unref(context_);
    close(timerfd_);
    close(sockets_);
    close(epoll_);
}

void Loop::watch(int fd, std::function<void()> on_readable) {
    if (add_to(sockets_, fd) < 0)
        g_error("cannot watch descriptor %d: %s", fd, g_strerror(errno));
    watched_[fd] = std::make_shared<std::function<void()>>(std::move(on_readable));
}

void Loop::unwatch(int fd) {
    epoll_ctl(sockets_, EPOLL_CTL_DEL, fd, nullptr);
    watched_.erase(fd);
}

void Loop::set_pace(Pace pace) {
    const bool was_at_once = pace_.reads == Time::zero();
    const bool at_once = pace.reads == Time::zero();
    pace_ = pace;
    if (at_once && !was_at_once) {
        read_timer_.stop();
        add_to(epoll_, sockets_);
    } else if (!at_once) {
        if (was_at_once)
            epoll_ctl(epoll_, EPOLL_CTL_DEL, sockets_, nullptr);
        read_timer_.after(pace.reads);
    }
    arm();
}

bool Loop::until(const std::function<bool()>& done, Time limit) {
    bool expired = false;
    Timer watchdog(*this, [&expired] { expired = true; });
    watchdog.after(limit);
    while (!done()) {
        if (expired)
            return false;
        g_main_context_iteration(context_, TRUE);
    }
    return true;
}

void Loop::run_for(Time duration) {
    (void)until([] { return false; }, duration);
}

gboolean Loop::on_events(gint, GIOCondition, gpointer self) {
    static_cast<Loop*>(self)->dispatch();
    return G_SOURCE_CONTINUE;
}

void Loop::dispatch() {
    std::array<epoll_event, 2> events;
    const int count = epoll_wait(epoll_, events.data(), int(events.size()), 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == timerfd_) {
            uint64_t expirations = 0;
            (void)!read(timerfd_, &expirations, sizeof expirations);
            armed_ = Time::zero();
        } else {
            read_sockets();
        }
    }
    run_due_timers();
    arm();
}

void Loop::read_sockets() {
    std::array<epoll_event, 1024> events;
    const int count = epoll_wait(sockets_, events.data(), int(events.size()), 0);
    for (int i = 0; i < count; i++) {
        // An earlier callback of this turn may have closed the socket: look it up, and hold it while it runs.
        const auto it = watched_.find(events[i].data.fd);
        if (it == watched_.end())
            continue;
        const auto on_readable = it->second;
        (*on_readable)();
    }
}

void Loop::run_due_timers() {
    const Time began = now();
    while (!timers_.empty() && timers_.begin()->first <= began) {
        const auto [due, timer] = *timers_.begin();
        timers_.erase(timers_.begin());
        timer->due_ = Time::zero();
        longest_stall_ = std::max(longest_stall_, began - due);
        timer->task_();
    }
}

void Loop::arm() {
    Time first = timers_.empty() ? Time::zero() : timers_.begin()->first;
    if (pace_.timers > Time::zero())
        first = (first + pace_.timers - Time(1)) / pace_.timers * pace_.timers;
    if (first == armed_)
        return;
    armed_ = first;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(first);
    itimerspec spec{};
    spec.it_value = {time_t(seconds.count()), long((first - seconds).count())};
    timerfd_settime(timerfd_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

}  // namespace sluice::peer
