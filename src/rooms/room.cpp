#include "rooms/room.h"

#include <utility>

namespace sluice::rooms {

const std::shared_ptr<Production>& User::producing() const {
    static const std::shared_ptr<Production> none;
    return production && production->answered() ? production : none;
}

std::shared_ptr<User> Room::find(const std::string& user_id) const {
    const auto entry = users_.find(user_id);
    return entry == users_.end() ? nullptr : entry->second;
}

std::vector<std::shared_ptr<User>> Room::others(const std::string& user_id) const {
    std::vector<std::shared_ptr<User>> others;
    for (const auto& [id, user] : users_)
        if (id != user_id)
            others.push_back(user);
    return others;
}

std::shared_ptr<User> Room::add(NewUser user) {
    const auto id = user.user_id;
    return users_[id] = std::make_shared<User>(User{id, std::move(user.user_info), nullptr});
}

void Room::remove(const std::string& user_id) {
    for (const auto& other : others(user_id))
        if (other->production)
            other->production->drop(user_id);
    users_.erase(user_id);
}

RoomSummary Room::summary() const {
    RoomSummary summary{id_, users_.size()};
    for (const auto& [id, user] : users_)
        if (const auto& production = user->producing()) {
            summary.producers++;
            summary.consumers += production->consumers();
        }
    return summary;
}

RoomState Room::state() const {
    RoomState state{id_, {}};
    for (const auto& [id, user] : users_) {
        UserState view{id, user->info, std::nullopt, {}};
        if (const auto& production = user->producing())
            view.producer = ProducerState{production->producer().stats(), production->constraints()};
        for (const auto& other : others(id))
            if (const auto& production = other->producing())
                if (const auto consumer = production->consumer(id))
                    view.consumers.push_back({other->id, consumer->stats()});
        state.users.push_back(std::move(view));
    }
    return state;
}

std::vector<PipelineState> Room::pipelines() const {
    std::vector<PipelineState> pipelines;
    for (const auto& [id, user] : users_) {
        const auto& production = user->producing();
        if (!production)
            continue;
        const auto& producer = production->producer();
        PipelineState view{id_, id, producer.stats(), {}, producer.branches()};
        for (const auto& other : others(id))
            if (const auto consumer = production->consumer(other->id))
                view.consumers.push_back({other->id, consumer->stats()});
        pipelines.push_back(std::move(view));
    }
    return pipelines;
}

}  // namespace sluice::rooms
