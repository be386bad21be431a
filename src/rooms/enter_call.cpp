#include "rooms/enter_call.h"

#include <utility>

#include "base/log.h"
#include "rooms/errors.h"

namespace sluice::rooms {

EnterCall::EnterCall(Scheduler& scheduler, Done<Entered> done)
    : scheduler_(scheduler), done_(std::move(done)) {}

void EnterCall::start(Room& room, NewUser new_user) {
    room_id_ = room.id();
    const auto user = room.add(std::move(new_user));
    user_ = user;
    log::info("user joined", {{"room", room_id_}, {"user", user->id}});

    std::vector<Pair> pairs;
    for (const auto& other : room.others(user->id)) {
        const auto& production = other->producing();
        others_.push_back({other, production, std::nullopt});
        if (production) {
            others_.back().offer = pairs.size();
            pairs.push_back({production, user->id});
        }
    }
    make_offers(scheduler_, pairs, false,
                [self = shared_from_this()](const PairOffers& offers) { self->on_offers(offers); });
}

void EnterCall::on_offers(const PairOffers& offers) {
    const auto user = user_.lock();
    if (!user)
        return done_(room_deleted(room_id_));
    Entered entered{room_id_, NewUser{user->id, user->info}, {}};
    for (const auto& other : others_) {
        const auto there = other.user.lock();
        if (!there)
            continue;
        UserView view{there->id, there->info, std::nullopt, std::nullopt, std::nullopt};
        if (const auto production = other.production.lock()) {
            const auto& offer = offers[*other.offer];
            view.constraints = production->constraints();
            if (offer && *offer) {
                view.offer = **offer;
            } else if (offer) {
                view.error = offer->error().message;
                log::warning("no offer for a consumer", {{"room", room_id_},
                                                         {"user", user->id},
                                                         {"producer", there->id},
                                                         {"error", *view.error}});
            }
        }
        entered.users.push_back(std::move(view));
    }
    done_(std::move(entered));
}

}  // namespace sluice::rooms
