#pragma once

#include <functional>

#include <glib.h>

#include "base/scheduler.h"
#include "http/server.h"
#include "media/media.h"
#include "rooms/rooms.h"

namespace sluice::app {

/// The graceful end, begun by SIGTERM or SIGINT: calls in hand are answered and later ones refused, rooms and
/// connections closed, then `ended`, at the latest kLimit after the signal. What still hangs kLastLimit after
/// it is named in the log, and the process ends with status 0 all the same. A second signal ends it at once.
/// Scheduler thread.
class Stop {
public:
    static constexpr std::chrono::milliseconds kLimit{4000};
    static constexpr std::chrono::milliseconds kLastLimit{4400};

    Stop(Scheduler& scheduler, rooms::Rooms& rooms, http::Server& server, media::Engine& engine,
         std::function<void()> ended);
    ~Stop();
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

private:
    static gboolean on_signal(gpointer self);
    void begin();
    void close_rooms();
    void close_server();
    void end();
    /// Runs `next` when `over` says so, at the latest at `limit`.
    void wait(bool (Stop::*over)() const, Scheduler::Duration limit, void (Stop::*next)());
    bool all_answered() const;
    bool all_closed() const;

    Scheduler& scheduler_;
    rooms::Rooms& rooms_;
    http::Server& server_;
    media::Engine& engine_;
    std::function<void()> ended_;
    bool begun_ = false;
    Scheduler::Duration start_{};
    guint signals_[2] = {};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::app
