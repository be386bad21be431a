#include "sfuload/scenarios.h"

#include <mutex>
#include <thread>
#include <unistd.h>

#include "sfuload/jobs.h"
#include "sfuload/progress.h"

namespace sluice::load {

using namespace std::chrono_literals;

namespace {

/// Where the server's own start of a connection still shows in its memory.
constexpr peer::Time kBeforeBaseline = 2s;

std::string room_name(int number) {
    return "sfuload-" + std::to_string(getpid()) + "-" + std::to_string(number);
}

std::string producer_name(int number) {
    return "producer-" + std::to_string(number);
}

std::string consumer_name(size_t number) {
    return "consumer-" + std::to_string(number);
}

/// Joins and receives every producer of the room.
void join_and_consume(const Options& options, Session& session, const std::string& room,
                      const std::string& user, bool passing) {
    const peer::Time began = peer::now();
    const auto offers = session.join(room, user);
    if (!offers)
        return session.add_failure(room, user, offers.error().message, passing);
    for (int i = 0; i < options.producers; i++)
        session.subscribe(room, user, producer_name(i), *offers, began, passing);
}

/// Those of `outbound`, which are all of `producer`, that are for `user`.
std::vector<Signalling::Offer> offers_for(const std::string& user, const std::string& producer,
                                          const std::vector<Signalling::Offer>& outbound) {
    std::vector<Signalling::Offer> offers;
    for (const Signalling::Offer& offer : outbound)
        if (offer.user == user)
            offers.push_back({producer, offer.sdp});
    return offers;
}

/// `waiting`: who is in the room already, and receives each producer.
Status bring_in_producers(const Options& options, Session& session, const std::string& room,
                          const std::vector<std::string>& waiting) {
    for (int i = 0; i < options.producers; i++) {
        const std::string producer = producer_name(i);
        if (const auto joined = session.join(room, producer); !joined)
            return joined.error();
        const peer::Time producing = peer::now();
        const auto outbound = session.publish(room, producer);
        if (!outbound)
            return outbound.error();
        run_jobs(waiting.size(), [&](size_t j) {
            session.subscribe(room, waiting[j], producer, offers_for(waiting[j], producer, *outbound),
                              producing);
        });
    }
    if (!session.wait_for_publishers())
        return Error{ErrorCode::Timeout, "not all producers connected within the set-up limit"};
    return Ok{};
}

void come_and_go(const Options& options, Session& session, const std::string& room) {
    const double staying = std::chrono::duration<double>(options.hold).count();
    const double duration = std::chrono::duration<double>(options.duration).count();
    const auto users = size_t(std::max(1.0, options.churn_rate * (duration - staying)));
    const auto visit = [&](size_t i) {
        const std::string user = "guest-" + std::to_string(i);
        const peer::Time began = peer::now();
        join_and_consume(options, session, room, user, true);
        (void)sleep_until(began + options.hold);
        session.leave(room, user);
    };
    // Enough threads for all who are there at a time, even if the server takes a while.
    run_jobs(users, visit, options.churn_rate, size_t(options.churn_rate * (staying + 3)) + 2);
}

Status producers_first(const Options& options, Session& session, Measurement& measurement,
                       const std::string& room) {
    if (auto producing = bring_in_producers(options, session, room, {}); !producing)
        return producing;
    if (options.server_pid)
        (void)sleep_for(kBeforeBaseline);
    measurement.take_baseline();
    progress("%d consumers join", options.consumers);
    run_jobs(
        size_t(options.consumers),
        [&](size_t i) { join_and_consume(options, session, room, consumer_name(i), false); },
        options.join_rate);
    return Ok{};
}

Status consumers_first(const Options& options, Session& session, Measurement& measurement,
                       const std::string& room) {
    measurement.take_baseline();
    progress("%d consumers join, and wait", options.consumers);
    std::vector<std::string> waiting;
    std::mutex mutex;
    run_jobs(
        size_t(options.consumers),
        [&](size_t i) {
            const std::string user = consumer_name(i);
            const auto joined = session.join(room, user);
            if (!joined)
                return session.add_failure(room, user, joined.error().message, false);
            const std::scoped_lock lock(mutex);
            waiting.push_back(user);
        },
        options.join_rate);
    return bring_in_producers(options, session, room, waiting);
}

Status run_fanout(const Options& options, Session& session, Measurement& measurement) {
    const std::string room = room_name(0);
    if (auto created = session.create_room(room); !created)
        return created;
    const auto come = options.consumers_first ? consumers_first : producers_first;
    if (auto all_there = come(options, session, measurement, room); !all_there)
        return all_there;
    measurement.wait_and_settle();
    if (options.scenario == Scenario::Fanout) {
        measurement.measure();
        return Ok{};
    }
    std::jthread guests([&] { come_and_go(options, session, room); });
    measurement.measure();
    return Ok{};
}

/// Users come one after the other in each room, all rooms at once.
void fill_room(const Options& options, Session& session, const std::string& room) {
    std::vector<std::string> present;
    const peer::Time begin = peer::now();
    for (int i = 0; i < options.users; i++) {
        const double seconds = double(i) * options.rooms / options.join_rate;
        if (!sleep_until(begin + peer::Time(int64_t(seconds * 1e9))))
            return;
        const std::string user = "user-" + std::to_string(i);
        const peer::Time joining = peer::now();
        const auto offers = session.join(room, user);
        if (!offers) {
            session.add_failure(room, user, offers.error().message, false);
            continue;
        }
        for (const std::string& producer : present) session.subscribe(room, user, producer, *offers, joining);
        const peer::Time producing = peer::now();
        const auto outbound = session.publish(room, user);
        if (!outbound) {
            session.add_failure(room, user, outbound.error().message, false);
            continue;
        }
        for (const std::string& other : present)
            session.subscribe(room, other, user, offers_for(other, user, *outbound), producing);
        present.push_back(user);
    }
}

Status run_rooms(const Options& options, Session& session, Measurement& measurement) {
    for (int i = 0; i < options.rooms; i++)
        if (auto created = session.create_room(room_name(i)); !created)
            return created;
    measurement.take_baseline();
    progress("%d rooms of %d users fill", options.rooms, options.users);
    run_jobs(
        size_t(options.rooms), [&](size_t i) { fill_room(options, session, room_name(int(i))); }, 0,
        size_t(options.rooms));
    measurement.wait_and_settle();
    measurement.measure();
    return Ok{};
}

}  // namespace

Status run_scenario(const Options& options, Session& session, Measurement& measurement) {
    return options.scenario == Scenario::Rooms ? run_rooms(options, session, measurement)
                                               : run_fanout(options, session, measurement);
}

}  // namespace sluice::load
