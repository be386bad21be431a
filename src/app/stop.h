#pragma once

#include <functional>

#include <glib.h>

#include "base/scheduler.h"
#include "http/server.h"
#include "media/media.h"
#include "rooms/rooms.h"

namespace sluice::app {

/// The graceful end, begun by SIGTERM or SIGINT: no new rooms, running calls answered, connections closed,
/// then `ended`, at the latest kLimit later. A second signal ends the process at once. Scheduler thread.
class Stop {
public:
    static constexpr std::chrono::milliseconds kLimit{4000};

    Stop(Scheduler& scheduler, rooms::Rooms& rooms, http::Server& server, media::Engine& engine,
         std::function<void()> ended);
    ~Stop();
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

private:
    static gboolean on_signal(gpointer self);
    void begin();
    void close_rooms();
    void wait_for_connections();

    Scheduler& scheduler_;
    rooms::Rooms& rooms_;
    http::Server& server_;
    media::Engine& engine_;
    std::function<void()> ended_;
    bool begun_ = false;
    bool closing_ = false;
    Scheduler::Duration deadline_{};
    guint signals_[2] = {};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::app
