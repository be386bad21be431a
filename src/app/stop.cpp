#include "app/stop.h"

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include <glib-unix.h>

#include "base/log.h"

namespace sluice::app {
namespace {

using namespace std::chrono_literals;

/// Calls under way get this long before the rooms go away under them.
constexpr auto kAnswering = 2000ms;
constexpr auto kPoll = 20ms;

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
    deadline_ = scheduler_.now() + kLimit;
    rooms_.drain();
    const auto close = [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired())
            close_rooms();
    };
    server_.drain(Done<Ok>([close](Result<Ok>) { close(); }));
    scheduler_.after(kAnswering, close);
}

void Stop::close_rooms() {
    if (std::exchange(closing_, true))
        return;
    rooms_.clear();
    wait_for_connections();
}

void Stop::wait_for_connections() {
    const auto left = engine_.connections();
    const auto branches = engine_.open_branches();
    if (left + branches == 0 || scheduler_.now() >= deadline_) {
        if (left > 0)
            log::error("connections that did not close", {{"connections", std::to_string(left)}});
        if (branches > 0)
            log::error("branches that are not complete", {{"branches", std::to_string(branches)}});
        log::info("stopped");
        return ended_();
    }
    scheduler_.after(kPoll, [this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired())
            wait_for_connections();
    });
}

}  // namespace sluice::app
