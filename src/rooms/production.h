#pragma once

#include <map>
#include <memory>
#include <string>

#include "media/media.h"
#include "rooms/connection_limit.h"
#include "rooms/rooms.h"

namespace sluice::rooms {

/// The media of one user of a room: the connection it comes in on, and one to each user it goes out to.
/// Scheduler thread only. Media's changes of state are logged.
class Production {
public:
    /// `limit` outlives it.
    Production(media::Engine& engine, const ConnectionLimit& limit, std::string room_id, std::string user_id,
               const UserInfo& user_info);
    Production(const Production&) = delete;
    Production& operator=(const Production&) = delete;

    media::Producer& producer() { return *producer_; }
    const media::Producer& producer() const { return *producer_; }

    /// An offer was answered. A kind that `requested` leaves out flows.
    void on_answered(const RequestedConstraints& requested);
    /// False until the first offer is answered: nobody can consume it yet.
    bool answered() const { return answered_; }
    /// A kind that `requested` leaves out stays as it is.
    void apply(const RequestedConstraints& requested);
    /// The effective state: there is such a track, and it flows.
    media::Constraints constraints() const;

    /// The connection to `viewer_id`; null if there is none.
    std::shared_ptr<media::Consumer> consumer(const std::string& viewer_id) const;
    /// Makes the connection to `viewer_id`, which has none.
    std::shared_ptr<media::Consumer> consume(const std::string& viewer_id);
    void drop(const std::string& viewer_id) { consumers_.erase(viewer_id); }
    /// An offer for `viewer_id`, who has a connection, is there: its number on that connection, from 1.
    unsigned count_offer(const std::string& viewer_id) { return ++consumers_.at(viewer_id).offers; }
    /// That of the last one; 0: none.
    unsigned offers(const std::string& viewer_id) const;
    size_t consumers() const { return consumers_.size(); }

private:
    struct Outgoing {
        std::shared_ptr<media::Consumer> consumer;
        unsigned offers = 0;
    };

    const std::string room_id_;
    const std::string user_id_;
    bool answered_ = false;
    media::Constraints flowing_{true, true};
    std::unique_ptr<media::Producer> producer_;
    std::map<std::string, Outgoing> consumers_;  ///< By viewer. Gone before producer_.
};

}  // namespace sluice::rooms
