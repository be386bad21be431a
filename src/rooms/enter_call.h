#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scheduler.h"
#include "rooms/offers.h"
#include "rooms/room.h"

namespace sluice::rooms {

/// A user's way into a room: there at once, answered when everybody who produces has an offer for it.
/// Scheduler thread only.
class EnterCall : public std::enable_shared_from_this<EnterCall> {
public:
    EnterCall(Scheduler& scheduler, Done<Entered> done);

    /// The caller has checked that the user may enter.
    void start(Room& room, NewUser user);

private:
    void on_offers(const PairOffers& offers);

    /// Somebody who was there before. Who starts to produce later sends its own offer to the new user.
    struct Other {
        std::weak_ptr<User> user;
        std::weak_ptr<Production> production;
        std::optional<size_t> offer;  ///< Its place among the offers, if it was producing.
    };

    Scheduler& scheduler_;
    const Done<Entered> done_;

    std::string room_id_;
    std::weak_ptr<User> user_;
    std::vector<Other> others_;
};

}  // namespace sluice::rooms
