#include "app/stop.h"

#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <glib-unix.h>

#include "base/log.h"
#include "gst/workers.h"

namespace sluice::app {
namespace {

using namespace std::chrono_literals;

/// Calls in hand get this long before the rooms go away under them.
constexpr auto kAnswering = 2000ms;
/// Then connections and branches, until so long after the signal.
constexpr auto kClosing = 3800ms;
constexpr auto kPoll = 20ms;

/// On a thread of its own, which nothing can hold up.
void end_for_good(std::promise<void> begun) {
    begun.set_value();
    std::this_thread::sleep_for(Stop::kLastLimit);
    gst::Workers::report_unfinished();
    log::error("ended without what did not come to an end");
    std::_Exit(EXIT_SUCCESS);
}

}  // namespace

Stop::Stop(Scheduler& scheduler, rooms::Rooms& rooms, http::Server& server, media::Engine& engine,
           std::function<void()> ended)
    : scheduler_(scheduler),
      rooms_(rooms),
      server_(server),
      engine_(engine),
      ended_(std::move(ended)),
      signals_{g_unix_signal_add(SIGTERM, on_signal, this), g_unix_signal_add(SIGINT, on_signal, this)} {}

Stop::~Stop() {
    for (const guint id : signals_) g_source_remove(id);
}

gboolean Stop::on_signal(gpointer data) {
    auto* self = static_cast<Stop*>(data);
    if (std::exchange(self->begun_, true)) {
        log::warning("ended at once by a second signal");
        std::_Exit(EXIT_FAILURE);
    }
    self->begin();
    return G_SOURCE_CONTINUE;
}

void Stop::begin() {
    log::info("stopping", {{"connections", std::to_string(engine_.connections())}});
    std::promise<void> begun;
    const auto runs = begun.get_future();
    std::thread(end_for_good, std::move(begun)).detach();
    runs.wait();  // To a leak check at the end a thread that is still being made is one.
    start_ = scheduler_.now();
    rooms_.drain();
    wait(&Stop::all_answered, start_ + kAnswering, &Stop::close_rooms);
}

void Stop::close_rooms() {
    // Before the rooms go, or calls in hand would be told that there is no such room.
    server_.refuse();
    rooms_.clear();
    wait(&Stop::all_closed, start_ + kClosing, &Stop::close_server);
}

void Stop::close_server() {
    if (const auto left = engine_.connections(); left > 0)
        log::error("connections that did not close", {{"connections", std::to_string(left)}});
    if (const auto branches = engine_.open_branches(); branches > 0)
        log::error("branches that are not complete", {{"branches", std::to_string(branches)}});
    server_.close();
    wait(&Stop::all_answered, start_ + kLimit, &Stop::end);
}

void Stop::end() {
    ended_();
}

void Stop::wait(bool (Stop::*over)() const, Scheduler::Duration limit, void (Stop::*next)()) {
    if ((this->*over)() || scheduler_.now() >= limit)
        return (this->*next)();
    scheduler_.after(kPoll, [this, over, limit, next, alive = std::weak_ptr(alive_)] {
        if (!alive.expired())
            wait(over, limit, next);
    });
}

bool Stop::all_answered() const {
    return server_.busy() == 0;
}

bool Stop::all_closed() const {
    return engine_.connections() + engine_.open_branches() == 0;
}

}  // namespace sluice::app
