#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rooms/production.h"
#include "rooms/rooms.h"

namespace sluice::rooms {

/// One connection of the backend's to a room. Owned by its room alone: a weak reference says whether it is
/// still there.
struct User {
    const std::string id;
    const UserInfo info;
    std::shared_ptr<Production> production;  ///< Owned here alone. From the first offer on.

    /// Null until the first offer is answered.
    const std::shared_ptr<Production>& producing() const;
};

/// The users of one room and their connections. Scheduler thread only.
class Room {
public:
    explicit Room(std::string id) : id_(std::move(id)) {}
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

    const std::string& id() const { return id_; }
    size_t size() const { return users_.size(); }
    const std::map<std::string, std::shared_ptr<User>>& users() const { return users_; }

    /// Null if there is no such user.
    std::shared_ptr<User> find(const std::string& user_id) const;
    /// All but that one, by id.
    std::vector<std::shared_ptr<User>> others(const std::string& user_id) const;
    /// `user`, who is not there yet.
    std::shared_ptr<User> add(NewUser user);
    /// With the user's connections to and from others.
    void remove(const std::string& user_id);
    RoomSummary summary() const;
    RoomState state() const;
    std::vector<PipelineState> pipelines() const;

private:
    const std::string id_;
    std::map<std::string, std::shared_ptr<User>> users_;
};

}  // namespace sluice::rooms
