#pragma once

#include <functional>

#include "peer/loop.h"

namespace sluice::load {

/// From now on SIGINT and SIGTERM make every wait end early, so that the load can be taken down; a second one
/// ends the process.
void catch_interrupts();
bool interrupted();

/// False: interrupted.
bool sleep_for(peer::Time duration);
bool sleep_until(peer::Time when);
/// False: interrupted, or `limit` is over. `done` is asked each 20 ms.
bool wait_until(peer::Time limit, const std::function<bool()>& done);

/// Runs `job` for 0 to count - 1 on up to `threads` threads, each not before its turn: `rate` a second, 0 for
/// at once. Interrupted, it begins no more of them unless they have no rate.
void run_jobs(size_t count, const std::function<void(size_t)>& job, double rate = 0, size_t threads = 8);

}  // namespace sluice::load
