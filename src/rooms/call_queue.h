#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/scheduler.h"
#include "rooms/answers.h"

namespace sluice::rooms {

/// Carries out the calls that touch one user one at a time, in the order they came; a call ends with its
/// answer. Scheduler thread only. Owned by std::shared_ptr, because calls outlive it.
class CallQueue : public std::enable_shared_from_this<CallQueue> {
public:
    explicit CallQueue(Scheduler& scheduler) : scheduler_(scheduler) {}

    /// Runs `call` with a Done it owes one answer: at once if no other call of that user is in hand, else
    /// when its turn comes; not at all if nobody waits for its answer any more by then. `done` is answered
    /// after this call has returned.
    template <typename T>
    void add(const std::string& room_id, const std::string& user_id, Done<T> done,
             std::function<void(Done<T>)> call) {
        enqueue({room_id, user_id},
                [answer = later(scheduler_, std::move(done)), call = std::move(call)](Result<Turn> turn) {
                    if (!turn)
                        return answer(turn.error());
                    if (!answer.wanted())
                        return answer(Error{ErrorCode::Timeout, "nobody waited when the call's turn came"});
                    call(Done<T>([answer, turn = *turn](Result<T> result) { answer(std::move(result)); }));
                });
    }

    /// Answers every call that waits for its turn with a user of that room. Those in hand go on.
    void refuse(const std::string& room_id, const Error& error);

private:
    using Key = std::pair<std::string, std::string>;  ///< Room, user.
    using Turn = std::shared_ptr<void>;               ///< When the last copy goes, the next call may run.
    using Call = std::function<void(Result<Turn>)>;   ///< An error: it will not get a turn.

    void enqueue(Key key, Call call);
    void run_next(const Key& key);
    Turn turn(const Key& key);

    Scheduler& scheduler_;
    std::map<Key, std::deque<Call>> waiting_;  ///< There is an entry for every user with a call in hand.
};

}  // namespace sluice::rooms
