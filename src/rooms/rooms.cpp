#include "rooms/rooms.h"

#include <map>
#include <utility>

#include <glib.h>

#include "base/log.h"
#include "rooms/answers.h"
#include "rooms/call_queue.h"
#include "rooms/connection_limit.h"
#include "rooms/enter_call.h"
#include "rooms/errors.h"
#include "rooms/offers.h"
#include "rooms/produce_call.h"
#include "rooms/room.h"

namespace sluice::rooms {
namespace {

using RoomPtr = std::shared_ptr<Room>;
using UserPtr = std::shared_ptr<User>;

std::string new_uuid() {
    char* text = g_uuid_string_random();
    std::string uuid = text;
    g_free(text);
    return uuid;
}

/// Everybody else in the room, with nothing to be told but the call's answer.
std::vector<Outbound> others_to_tell(const Room& room, const std::string& user_id) {
    std::vector<Outbound> outbound;
    for (const auto& other : room.others(user_id))
        outbound.push_back({other->id, other->info, std::nullopt, std::nullopt});
    return outbound;
}

/// The media of `producer_user_id`, for `user_id` to consume.
Result<std::shared_ptr<Production>> production_for(const std::string& user_id, const Room& room,
                                                   const std::string& producer_user_id) {
    if (producer_user_id == user_id)
        return Error{ErrorCode::NotFound, "user \"" + user_id + "\" does not consume itself",
                     "producerUserId"};
    const auto producer = room.find(producer_user_id);
    if (!producer)
        return Error{ErrorCode::NotFound, no_user(room.id(), producer_user_id).message, "producerUserId"};
    if (!producer->producing())
        return not_producing(producer_user_id);
    return producer->producing();
}

/// Passes media's reply about `user` and `production` on, if both are still there.
template <typename T>
std::function<void(Result<T>)> if_there(const Done<T>& answer, const Room& room, const UserPtr& user,
                                        const std::string& producer_user_id,
                                        const std::shared_ptr<Production>& production) {
    return [answer, room_id = room.id(), producer_user_id, user = std::weak_ptr(user),
            production = std::weak_ptr(production)](Result<T> reply) {
        if (user.expired())
            return answer(room_deleted(room_id));
        if (production.expired())
            return answer(not_producing(producer_user_id));
        answer(std::move(reply));
    };
}

}  // namespace

struct Rooms::State {
    State(Scheduler& s, media::Engine& e, const Limits& l)
        : scheduler(s), engine(e), limits(l), connections(e, l.connections) {}

    /// Runs `call` when the user's turn comes, if the user is there then.
    template <typename T>
    void call(const std::string& room_id, const std::string& user_id, Done<T> done,
              std::function<void(const RoomPtr&, const UserPtr&, const Done<T>&)> call);

    RoomPtr find(const std::string& room_id) const;
    Result<RoomPtr> find_or_make(const std::string& room_id) const;
    Status admit(const Room& room, const std::string& user_id) const;
    void keep(const RoomPtr& room);
    void erase(const Room& room);
    void remove(const Room& room);

    Scheduler& scheduler;
    media::Engine& engine;
    const Limits limits;
    bool draining = false;
    ConnectionLimit connections;
    std::map<std::string, RoomPtr> rooms;
    const std::shared_ptr<CallQueue> calls = std::make_shared<CallQueue>(scheduler);
};

template <typename T>
void Rooms::State::call(const std::string& room_id, const std::string& user_id, Done<T> done,
                        std::function<void(const RoomPtr&, const UserPtr&, const Done<T>&)> call) {
    calls->add<T>(room_id, user_id, std::move(done),
                  [this, room_id, user_id, call = std::move(call)](const Done<T>& answer) {
                      const auto room = find(room_id);
                      if (!room)
                          return answer(no_room(room_id));
                      const auto user = room->find(user_id);
                      if (!user)
                          return answer(no_user(room_id, user_id));
                      call(room, user, answer);
                  });
}

RoomPtr Rooms::State::find(const std::string& room_id) const {
    const auto entry = rooms.find(room_id);
    return entry == rooms.end() ? nullptr : entry->second;
}

Result<RoomPtr> Rooms::State::find_or_make(const std::string& room_id) const {
    if (auto room = find(room_id))
        return room;
    if (draining)
        return Error{ErrorCode::LimitReached, "the server is draining and takes no new room"};
    if (rooms.size() >= limits.rooms)
        return Error{ErrorCode::LimitReached,
                     "limits.rooms (" + std::to_string(limits.rooms) + ") is reached"};
    return std::make_shared<Room>(room_id);
}

Status Rooms::State::admit(const Room& room, const std::string& user_id) const {
    if (room.find(user_id))
        return Error{ErrorCode::AlreadyExists,
                     "user \"" + user_id + "\" is already in the room \"" + room.id() + "\""};
    if (draining)
        return Error{ErrorCode::LimitReached, "the server is draining and takes no new user"};
    if (room.size() >= limits.users_per_room)
        return Error{ErrorCode::LimitReached,
                     "limits.users-per-room (" + std::to_string(limits.users_per_room) + ") is reached"};
    return connections.check(room.summary().producers);
}

void Rooms::State::keep(const RoomPtr& room) {
    if (rooms.try_emplace(room->id(), room).second)
        log::info("room created", {{"room", room->id()}});
}

void Rooms::State::erase(const Room& room) {
    log::info("room deleted", {{"room", room.id()}, {"users", std::to_string(room.size())}});
    rooms.erase(room.id());
}

void Rooms::State::remove(const Room& room) {
    calls->refuse(room.id(), room_deleted(room.id()));
    erase(room);
}

Rooms::Rooms(Scheduler& scheduler, media::Engine& engine, Limits limits)
    : state_(std::make_unique<State>(scheduler, engine, limits)) {}

Rooms::~Rooms() = default;

void Rooms::create(std::optional<std::string> room_id, std::optional<NewUser> user, Done<Entered> done) {
    const auto id = room_id ? *std::move(room_id) : new_uuid();
    if (user) {
        const auto user_id = user->user_id;
        state_->calls->add<Entered>(
            id, user_id, std::move(done),
            [state = state_.get(), id, user = *std::move(user)](const Done<Entered>& answer) {
                const auto room = state->find_or_make(id);
                if (!room)
                    return answer(room.error());
                if (const auto admitted = state->admit(**room, user.user_id); !admitted)
                    return answer(admitted.error());
                state->keep(*room);
                std::make_shared<EnterCall>(state->scheduler, answer)->start(**room, user);
            });
        return;
    }
    const auto answer = later(state_->scheduler, std::move(done));
    const auto room = state_->find_or_make(id);
    if (!room)
        return answer(room.error());
    state_->keep(*room);
    Entered entered{id, std::nullopt, {}};
    for (const auto& [user_id, there] : (*room)->users()) {
        UserView view{user_id, there->info, std::nullopt, std::nullopt, std::nullopt};
        if (const auto& production = there->producing())
            view.constraints = production->constraints();
        entered.users.push_back(std::move(view));
    }
    answer(std::move(entered));
}

void Rooms::add_user(const std::string& room_id, NewUser user, Done<Entered> done) {
    const auto user_id = user.user_id;
    state_->calls->add<Entered>(
        room_id, user_id, std::move(done),
        [state = state_.get(), room_id, user = std::move(user)](const Done<Entered>& answer) {
            const auto room = state->find(room_id);
            if (!room)
                return answer(no_room(room_id));
            if (const auto admitted = state->admit(*room, user.user_id); !admitted)
                return answer(admitted.error());
            std::make_shared<EnterCall>(state->scheduler, answer)->start(*room, user);
        });
}

void Rooms::produce(const std::string& room_id, const std::string& user_id, std::optional<std::string> offer,
                    RequestedConstraints constraints, Done<Produced> done) {
    state_->call<Produced>(
        room_id, user_id, std::move(done),
        [state = state_.get(), offer = std::move(offer), constraints](
            const RoomPtr& room, const UserPtr& user, const Done<Produced>& answer) {
            if (offer)
                return std::make_shared<ProduceCall>(state->scheduler, state->engine, state->connections,
                                                     constraints, answer)
                    ->start(room, user, *offer);
            const auto& production = user->producing();
            if (!production)
                return answer(
                    Error{ErrorCode::WrongState,
                          "user \"" + user->id + "\" is not producing: constraints need an offer first"});
            production->apply(constraints);
            answer(Produced{std::nullopt, user->id, user->info, production->constraints(),
                            others_to_tell(*room, user->id)});
        });
}

void Rooms::consume(const std::string& room_id, const std::string& user_id,
                    const std::string& producer_user_id, std::string sdp, Done<Ok> done) {
    state_->call<Ok>(
        room_id, user_id, std::move(done),
        [state = state_.get(), producer_user_id, sdp = std::move(sdp)](
            const RoomPtr& room, const UserPtr& user, const Done<Ok>& answer) {
            const auto production = production_for(user->id, *room, producer_user_id);
            if (!production)
                return answer(production.error());
            const auto consumer = (*production)->consumer(user->id);
            if (!consumer)
                return answer(Error{ErrorCode::WrongState, "no offer of user \"" + producer_user_id +
                                                               "\" waits for an answer of user \"" +
                                                               user->id + "\""});
            consumer->answer(sdp, step<Ok>(state->scheduler, "taking the answer of user \"" + user->id + "\"",
                                           if_there(answer, *room, user, producer_user_id, *production)));
        });
}

void Rooms::reoffer(const std::string& room_id, const std::string& user_id,
                    const std::string& producer_user_id, Done<std::string> done) {
    state_->call<std::string>(
        room_id, user_id, std::move(done),
        [state = state_.get(), producer_user_id](const RoomPtr& room, const UserPtr& user,
                                                 const Done<std::string>& answer) {
            const auto production = production_for(user->id, *room, producer_user_id);
            if (!production)
                return answer(production.error());
            const auto reply = if_there(answer, *room, user, producer_user_id, *production);
            make_offers(state->scheduler, {{*production, user->id}}, true, [reply](const PairOffers& offers) {
                reply(*offers.front());  // At once, and so it is the latest.
            });
        });
}

void Rooms::begin_branch(const std::string& room_id, const std::string& user_id, const std::string& name,
                         media::BranchParameters parameters, Done<media::BranchState> done) {
    state_->call<media::BranchState>(
        room_id, user_id, std::move(done),
        [name, parameters = std::move(parameters)](const RoomPtr&, const UserPtr& user,
                                                   const Done<media::BranchState>& answer) {
            const auto& production = user->producing();
            if (!production)
                return answer(nothing_to_branch(user->id));
            answer(production->producer().begin_branch(name, parameters));
        });
}

void Rooms::end_branch(const std::string& room_id, const std::string& user_id, const std::string& name,
                       Done<media::BranchState> done) {
    const Done<Ok> begun(
        [done](Result<Ok> result) {
            if (!result)
                done(result.error());
        },
        [done] { return done.wanted(); });
    state_->call<Ok>(room_id, user_id, begun,
                     [name, done](const RoomPtr&, const UserPtr& user, const Done<Ok>& answer) {
                         const auto& production = user->producing();
                         if (!production)
                             return answer(nothing_to_branch(user->id));
                         production->producer().end_branch(name, done);
                         answer(Ok{});
                     });
}

Result<std::vector<media::BranchState>> Rooms::branches(const std::string& room_id,
                                                        const std::string& user_id) const {
    const auto room = state_->find(room_id);
    if (!room)
        return no_room(room_id);
    const auto user = room->find(user_id);
    if (!user)
        return no_user(room_id, user_id);
    const auto& production = user->producing();
    return production ? production->producer().branches() : std::vector<media::BranchState>();
}

std::vector<PipelineState> Rooms::pipelines() const {
    std::vector<PipelineState> pipelines;
    for (const auto& [id, room] : state_->rooms)
        for (auto& pipeline : room->pipelines()) pipelines.push_back(std::move(pipeline));
    return pipelines;
}

void Rooms::draw(const std::string& room_id, const std::string& user_id, media::Drawing drawing,
                 Done<std::string> done) {
    const auto answer = later(state_->scheduler, std::move(done));
    const auto room = state_->find(room_id);
    const auto user = room ? room->find(user_id) : nullptr;
    if (!user)
        return answer(room ? no_user(room_id, user_id) : no_room(room_id));
    const auto& production = user->producing();
    if (!production)
        return answer(Error{ErrorCode::NotFound, "user \"" + user_id + "\" is not producing"});
    production->producer().draw(
        drawing, step<std::string>(state_->scheduler, "drawing the pipeline of user \"" + user_id + "\"",
                                   [answer](Result<std::string> text) { answer(std::move(text)); }));
}

media::LogDetail Rooms::log_detail() const {
    return state_->engine.log_detail();
}

Status Rooms::set_log_detail(const media::LogDetail& detail) {
    const auto set = state_->engine.set_log_detail(detail);
    if (set)
        log::info("the threshold of GStreamer's log is set", {{"threshold", detail.threshold},
                                                              {"room", detail.room.value_or("")},
                                                              {"user", detail.user.value_or("")}});
    return set;
}

void Rooms::stop_producing(const std::string& room_id, const std::string& user_id, Done<Left> done) {
    state_->call<Left>(room_id, user_id, std::move(done),
                       [](const RoomPtr& room, const UserPtr& user, const Done<Left>& answer) {
                           if (user->production) {
                               user->production.reset();
                               log::info("production stopped", {{"room", room->id()}, {"user", user->id}});
                           }
                           answer(Left{user->id, user->info, others_to_tell(*room, user->id)});
                       });
}

void Rooms::remove_user(const std::string& room_id, const std::string& user_id, Done<Left> done) {
    state_->call<Left>(
        room_id, user_id, std::move(done),
        [state = state_.get()](const RoomPtr& room, const UserPtr& user, const Done<Left>& answer) {
            room->remove(user->id);
            log::info("user left", {{"room", room->id()}, {"user", user->id}});
            if (room->size() == 0)
                state->erase(*room);
            answer(Left{user->id, user->info, others_to_tell(*room, user->id)});
        });
}

void Rooms::remove(const std::string& room_id, Done<size_t> done) {
    const auto answer = later(state_->scheduler, std::move(done));
    const auto room = state_->find(room_id);
    if (!room)
        return answer(no_room(room_id));
    state_->remove(*room);
    answer(room->size());
}

std::vector<RoomSummary> Rooms::list() const {
    std::vector<RoomSummary> list;
    for (const auto& [id, room] : state_->rooms) list.push_back(room->summary());
    return list;
}

Result<RoomState> Rooms::describe(const std::string& room_id) const {
    const auto room = state_->find(room_id);
    if (!room)
        return no_room(room_id);
    return room->state();
}

Totals Rooms::totals() const {
    Totals totals{.rooms = state_->rooms.size(),
                  .connections = state_->engine.connections(),
                  .connections_limit = state_->limits.connections,
                  .open_branches = state_->engine.open_branches(),
                  .network = state_->engine.network()};
    for (const auto& [id, room] : state_->rooms) {
        const auto summary = room->summary();
        totals.users += summary.users;
        totals.producers += summary.producers;
        totals.consumers += summary.consumers;
    }
    return totals;
}

void Rooms::drain() {
    state_->draining = true;
}

bool Rooms::draining() const {
    return state_->draining;
}

void Rooms::clear() {
    while (!state_->rooms.empty()) {
        const auto room = state_->rooms.begin()->second;
        state_->remove(*room);
    }
}

}  // namespace sluice::rooms
