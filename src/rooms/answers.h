#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/scheduler.h"

namespace sluice::rooms {

/// How long media may take over one step. The two steps of a call (an answer, then offers) stay inside the 15
/// s that http.deadline gives the whole of it.
inline constexpr std::chrono::seconds kStepLimit{5};

/// Answers `done` in a task of its own.
template <typename T>
Done<T> later(Scheduler& scheduler, Done<T> done) {
    return Done<T>(
        [&scheduler, done](Result<T> result) {
            scheduler.post([done, result = std::move(result)]() mutable { done(std::move(result)); });
        },
        [done] { return done.wanted(); });
}

/// What to hand to media for one step: `next` gets the reply, or Timeout after kStepLimit, and then no reply
/// any more. It runs in a task of its own, because a connection that is destroyed answers from inside its
/// destructor.
template <typename T>
Done<T> step(Scheduler& scheduler, const std::string& what, std::function<void(Result<T>)> next) {
    auto waiting = std::make_shared<std::function<void(Result<T>)>>(std::move(next));
    const auto reply = [waiting](Result<T> result) {
        if (const auto take = std::exchange(*waiting, nullptr))
            take(std::move(result));
    };
    scheduler.after(kStepLimit, [reply, what] {
        reply(Error{ErrorCode::Timeout,
                    what + " took longer than " + std::to_string(kStepLimit.count()) + " s"});
    });
    return later(scheduler, Done<T>(reply));
}

}  // namespace sluice::rooms
