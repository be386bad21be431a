#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scheduler.h"
#include "rooms/connection_limit.h"
#include "rooms/offers.h"
#include "rooms/room.h"

namespace sluice::rooms {

/// One offer of a user's on its way: media answers it, then everybody else in the room gets an offer of their
/// own.
///
///   start --> media::Producer::offer --> on_answer --> make_offers --> on_offers --> answered
///
/// Scheduler thread only. Everything it touches belongs to the user and is touched only while the user is
/// there.
class ProduceCall : public std::enable_shared_from_this<ProduceCall> {
public:
    ProduceCall(Scheduler& scheduler, media::Engine& engine, ConnectionLimit& limit,
                RequestedConstraints constraints, Done<Produced> done);

    void start(const std::shared_ptr<Room>& room, const std::shared_ptr<User>& user, std::string offer);

private:
    void on_answer(Result<std::string> answer);
    void on_offers(const PairOffers& offers);

    Scheduler& scheduler_;
    media::Engine& engine_;
    ConnectionLimit& limit_;
    const RequestedConstraints requested_;
    const Done<Produced> done_;

    std::string room_id_;
    std::weak_ptr<Room> room_;
    std::weak_ptr<User> user_;
    std::shared_ptr<void> reserved_;  ///< The consumers that the first offer will bring.
    std::string answer_;
    std::vector<std::weak_ptr<User>> viewers_;  ///< In the order of their offers.
};

}  // namespace sluice::rooms
