#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include <glib.h>

namespace sluice::peer {

/// CLOCK_MONOTONIC. Processes of one machine share it, so a time that one peer sends means the same to
/// another.
using Time = std::chrono::nanoseconds;
Time now();
inline double milliseconds(Time t) {
    return std::chrono::duration<double, std::milli>(t).count();
}

class Loop;

/// Runs its task once at a time; may be started again. Destroyed or stopped, it does not fire.
/// A task must not destroy its own timer.
class Timer {
public:
    Timer(Loop& loop, std::function<void()> task);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void at(Time due);
    void after(Time delay);
    void stop();

private:
    friend class Loop;
    Loop& loop_;
    std::function<void()> task_;
    Time due_{};  ///< Zero: not running.
};

/// The one thread of all peers of a process: a GMainContext (thread-default while the loop lives, so libsoup
/// is on it too) with one epoll descriptor for any number of sockets and one timerfd for any number of
/// timers.
class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Calls `on_readable` while `fd` has something to read, until unwatch().
    void watch(int fd, std::function<void()> on_readable);
    void unwatch(int fd);

    /// Turns until `done` holds; false after `limit`. Not from inside a callback of the loop.
    bool until(const std::function<bool()>& done, Time limit);
    void run_for(Time duration);

    /// For loads, where being woken by each packet would cost more than reading it: timers run on a grid of
    /// `timers`, and sockets are read every `reads`. Zero, the default, is at once. Times of arrival are the
    /// kernel's, so they stay exact.
    struct Pace {
        Time timers{};
        Time reads{};
    };
    void set_pace(Pace pace);

    /// By how much a timer was late at most since the last reset: what this process was kept from running,
    /// and so may have added to what it measures.
    Time longest_stall() const { return longest_stall_; }
    void reset_stall() { longest_stall_ = Time::zero(); }

private:
    friend class Timer;
    static gboolean on_events(gint fd, GIOCondition condition, gpointer self);
    void dispatch();
    void read_sockets();
    void run_due_timers();
    void arm();

    GMainContext* context_;
    GSource* source_;
    int epoll_;    ///< The timerfd, and `sockets_` unless they are read by a timer.
    int sockets_;  ///< An epoll descriptor too.
    int timerfd_;
    std::unordered_map<int, std::shared_ptr<std::function<void()>>> watched_;
    std::set<std::pair<Time, Timer*>> timers_;
    Time armed_{};
    Time longest_stall_{};
    Pace pace_;
    Timer read_timer_;
};

}  // namespace sluice::peer
