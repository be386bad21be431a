#include "rooms/produce_call.h"

#include <utility>

#include "base/log.h"
#include "rooms/answers.h"
#include "rooms/errors.h"

namespace sluice::rooms {

ProduceCall::ProduceCall(Scheduler& scheduler, media::Engine& engine, ConnectionLimit& limit,
                         RequestedConstraints constraints, Done<Produced> done)
    : scheduler_(scheduler),
      engine_(engine),
      limit_(limit),
      requested_(constraints),
      done_(std::move(done)) {}

void ProduceCall::start(const std::shared_ptr<Room>& room, const std::shared_ptr<User>& user,
                        std::string offer) {
    room_id_ = room->id();
    room_ = room;
    user_ = user;
    if (!user->production) {
        const size_t others = room->size() - 1;
        if (const auto free = limit_.check(1 + others); !free)
            return done_(free.error());
        reserved_ = limit_.reserve(others);
        user->production = std::make_shared<Production>(engine_, limit_, room_id_, user->id, user->info);
    }
    user->production->producer().offer(
        std::move(offer), step<std::string>(scheduler_, "answering the offer of user \"" + user->id + "\"",
                                            [self = shared_from_this()](Result<std::string> answer) {
                                                self->on_answer(std::move(answer));
                                            }));
}

void ProduceCall::on_answer(Result<std::string> answer) {
    reserved_.reset();
    const auto room = room_.lock();
    const auto user = user_.lock();
    if (!user)
        return done_(room_deleted(room_id_));
    const bool first = !user->producing();
    if (!answer) {
        if (first)
            user->production.reset();
        else  // Media may still be at it, and nobody could take its answer.
            user->production->producer().withdraw_offer();
        return done_(answer.error());
    }
    answer_ = std::move(answer).value();
    user->production->on_answered(requested_);
    log::info(first ? "production started" : "production updated", {{"room", room_id_}, {"user", user->id}});

    std::vector<Pair> pairs;
    for (const auto& viewer : room->others(user->id)) {
        pairs.push_back({user->production, viewer->id});
        viewers_.push_back(viewer);
    }
    make_offers(scheduler_, pairs, false,
                [self = shared_from_this()](const PairOffers& offers) { self->on_offers(offers); });
}

void ProduceCall::on_offers(const PairOffers& offers) {
    const auto user = user_.lock();
    if (!user)
        return done_(room_deleted(room_id_));
    Produced produced{answer_, user->id, user->info, user->production->constraints(), {}};
    for (size_t i = 0; i < offers.size(); i++) {
        const auto viewer = viewers_[i].lock();
        if (!viewer || !offers[i])
            continue;
        Outbound outbound{viewer->id, viewer->info, std::nullopt, std::nullopt};
        if (const auto& offer = *offers[i]) {
            outbound.offer = *offer;
        } else {
            outbound.error = offer.error().message;
            log::warning("no offer for a consumer", {{"room", room_id_},
                                                     {"user", viewer->id},
                                                     {"producer", user->id},
                                                     {"error", *outbound.error}});
        }
        produced.outbound.push_back(std::move(outbound));
    }
    done_(std::move(produced));
}

}  // namespace sluice::rooms
