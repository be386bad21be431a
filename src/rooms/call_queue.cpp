#include "rooms/call_queue.h"

namespace sluice::rooms {

void CallQueue::enqueue(Key key, Call call) {
    const auto [entry, idle] = waiting_.try_emplace(std::move(key));
    if (idle)
        call(turn(entry->first));
    else
        entry->second.push_back(std::move(call));
}

void CallQueue::run_next(const Key& key) {
    const auto entry = waiting_.find(key);
    if (entry->second.empty()) {
        waiting_.erase(entry);
        return;
    }
    const Call call = std::move(entry->second.front());
    entry->second.pop_front();
    call(turn(key));
}

CallQueue::Turn CallQueue::turn(const Key& key) {
    return Turn(nullptr, [weak = weak_from_this(), &scheduler = scheduler_, key](void*) {
        scheduler.post([weak, key] {
            if (const auto self = weak.lock())
                self->run_next(key);
        });
    });
}

void CallQueue::refuse(const std::string& room_id, const Error& error) {
    for (auto entry = waiting_.lower_bound({room_id, {}});
         entry != waiting_.end() && entry->first.first == room_id; ++entry)
        for (const auto& call : std::exchange(entry->second, {})) call(error);
}

}  // namespace sluice::rooms
