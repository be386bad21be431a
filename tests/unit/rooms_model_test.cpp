#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "base/log.h"
#include "fake_media.h"
#include "fake_scheduler.h"
#include "rooms/rooms.h"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

constexpr int kSteps = 400;
constexpr size_t kConnections = 12;

/// Random calls of a few users of two rooms meet random replies of media; what must always hold is checked
/// after every step.
class World {
public:
    /// `faulty`: media fails, drops and hangs, and connections are few.
    World(unsigned seed, bool faulty)
        : random_(seed),
          faulty_(faulty),
          rooms_(scheduler_, engine_,
                 {.rooms = 2, .users_per_room = 4, .connections = faulty ? kConnections : 1000}) {
        engine_.steps.reply = [this](const std::string&) { return reply(); };
    }

    ~World() {
        rooms_.clear();
        scheduler_.advance(1min);
    }

    void step() {
        engine_.steps.drop_late = chance(50);
        if (faulty_ && chance(5))
            fail_one();
        switch (pick(10)) {
            case 0:
            case 1:
                settle_one();
                break;
            case 2:
                scheduler_.advance(std::chrono::milliseconds(pick(faulty_ ? 2000 : 5)));
                break;
            case 3:
                scheduler_.advance();
                break;
            default:
                call();
        }
    }

    void check() const {
        std::multiset<std::string> told_of;
        const auto list = rooms_.list();
        for (const auto& summary : list) {
            const auto room = rooms_.describe(summary.room_id);
            ASSERT_TRUE(room);
            ASSERT_EQ(room->users.size(), summary.users);
            size_t producers = 0;
            size_t consumers = 0;
            for (const auto& user : room->users) {
                if (user.producer)
                    told_of.insert(summary.room_id + "/" + user.user_id);
                for (const auto& consumer : user.consumers)
                    told_of.insert(summary.room_id + "/" + consumer.producer_user_id + ">" + user.user_id);
                producers += user.producer.has_value();
                consumers += user.consumers.size();
            }
            ASSERT_EQ(producers, summary.producers);
            ASSERT_EQ(consumers, summary.consumers);
        }

        // A producer whose first offer is in hand is the only thing alive that nobody is told of.
        for (const auto* producer : engine_.producers) {
            const auto told = told_of.find(producer->room + "/" + producer->name);
            if (told != told_of.end())
                told_of.erase(told);
            else
                ASSERT_TRUE(producer->consumers.empty()) << producer->name << " has not been answered";
            for (const auto* consumer : producer->consumers) {
                const auto pair = told_of.find(producer->room + "/" + consumer->name);
                ASSERT_NE(pair, told_of.end()) << consumer->name << " is left over";
                told_of.erase(pair);
            }
        }
        ASSERT_TRUE(told_of.empty()) << *told_of.begin() << " is told of, but is not there";

        if (faulty_) {
            ASSERT_LE(engine_.connections(), kConnections);
        } else {
            for (const auto& step : engine_.steps.overlaps)
                ASSERT_TRUE(step.starts_with("offer "))
                    << step << " was begun before the last one was answered";
        }
        ASSERT_EQ(violation_, "");
    }

    /// Media answers all it owes, or is too late.
    void settle_all() {
        for (int i = 0; i < 100; i++) {
            while (!faulty_ && !engine_.steps.held().empty()) settle_one();
            scheduler_.advance(faulty_ ? 5s : 0s);
        }
        for (const auto& [name, answers] : owed_) ASSERT_EQ(*answers, 1) << "answers to " << name;
        size_t producers = 0;
        for (const auto& room : rooms_.list()) producers += room.producers;
        ASSERT_EQ(engine_.producers.size(), producers) << "a producer is left over";
    }

    /// Media that never fails leaves no pair without a connection.
    void check_pairs() const {
        for (const auto& summary : rooms_.list())
            ASSERT_EQ(summary.consumers, summary.producers * (summary.users - 1)) << summary.room_id;
    }

    void clear() {
        rooms_.clear();
        scheduler_.advance(1min);
        ASSERT_TRUE(rooms_.list().empty());
        ASSERT_EQ(engine_.connections(), 0u);
        ASSERT_EQ(scheduler_.pending(), 0u);
    }

    size_t answered_ok() const { return answered_ok_; }

private:
    unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
    bool chance(unsigned percent) { return pick(100) < percent; }

    Reply reply() {
        if (chance(30))
            return Reply::Hold;
        if (faulty_ && chance(15))
            return chance(70) ? Reply::Fail : Reply::Drop;
        return Reply::Now;
    }

    void settle_one() {
        const auto held = engine_.steps.held();
        if (!held.empty())
            engine_.steps.settle(held[pick(static_cast<unsigned>(held.size()))],
                                 faulty_ && chance(15) ? Reply::Fail : Reply::Now);
    }

    void fail_one() {
        if (engine_.producers.empty())
            return;
        auto* producer = engine_.producers[pick(static_cast<unsigned>(engine_.producers.size()))];
        const auto& consumers = producer->consumers;
        if (consumers.empty() || chance(30))
            producer->set_state(media::ConnectionState::Failed);
        else
            consumers[pick(static_cast<unsigned>(consumers.size()))]->set_state(
                media::ConnectionState::Failed);
    }

    void call() {
        const std::string room = chance(70) ? "r" : "s";
        const std::string user = std::to_string(1 + pick(5));
        const std::string producer = std::to_string(1 + pick(5));
        const rooms::RequestedConstraints constraints{chance(50) ? std::optional(chance(50)) : std::nullopt,
                                                      chance(50) ? std::optional(chance(50)) : std::nullopt};
        const unsigned what = pick(100);
        if (what < 10)
            rooms_.create(room, rooms::NewUser{user}, owe<rooms::Entered>("create", room, user));
        else if (what < 12)
            rooms_.create(room, std::nullopt, owe<rooms::Entered>("create", room));
        else if (what < 35)
            rooms_.add_user(room, {user}, owe<rooms::Entered>("add", room, user));
        else if (what < 60)
            rooms_.produce(room, user,
                           chance(10)   ? "bad"
                           : chance(10) ? "reload audio"
                                        : "audio video",
                           constraints, owe<rooms::Produced>("produce", room, user));
        else if (what < 65)
            rooms_.produce(room, user, std::nullopt, constraints,
                           owe<rooms::Produced>("constrain", room, user));
        else if (what < 80)
            rooms_.consume(room, user, producer, chance(10) ? "bad" : "answer",
                           owe<Ok>("consume", room, user));
        else if (what < 86)
            rooms_.reoffer(room, user, producer, owe<std::string>("reoffer", room, user));
        else if (what < 91)
            rooms_.stop_producing(room, user, owe<rooms::Left>("stop", room, user));
        else if (what < 98)
            rooms_.remove_user(room, user, owe<rooms::Left>("leave", room, user));
        else
            rooms_.remove(room, owe<size_t>("remove", room));
    }

    /// Sees to it that the answer comes once, after the call, and in its user's order. Only a deletion of the
    /// room overtakes: calls that wait are refused before the one in hand has ended.
    template <typename T>
    Done<T> owe(const std::string& what, const std::string& room, const std::string& user = {}) {
        const auto number = owed_.size();
        const auto name = what + " " + room + "/" + user + " (call " + std::to_string(number) + ")";
        const auto answers = std::make_shared<int>(0);
        owed_.emplace_back(name, answers);
        return Done<T>([this, number, name, answers, key = room + "/" + user](const Result<T>& result) {
            if (++*answers > 1)
                violation_ = name + " is answered twice";
            const bool refused = !result && result.error().message.find("was deleted") != std::string::npos;
            if (!refused && !key.ends_with('/')) {
                auto& last = last_answered_[key];
                if (last > number)
                    violation_ = name + " is overtaken by call " + std::to_string(last);
                last = number;
            }
            answered_ok_ += result.has_value();
        });
    }

    std::mt19937 random_;
    const bool faulty_;
    FakeScheduler scheduler_;
    FakeEngine engine_{scheduler_};
    rooms::Rooms rooms_;

    std::vector<std::pair<std::string, std::shared_ptr<int>>> owed_;
    std::map<std::string, size_t> last_answered_;
    std::string violation_;
    size_t answered_ok_ = 0;
};

class RoomsModel : public testing::TestWithParam<bool> {};

TEST_P(RoomsModel, HoldsWhateverHappens) {
    log::configure(log::Level::Error, log::Format::Text);
    for (unsigned seed = 1; seed <= 60; seed++) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        World world(seed, GetParam());
        for (int i = 0; i < kSteps; i++) {
            world.step();
            ASSERT_NO_FATAL_FAILURE(world.check()) << "after step " << i;
        }
        ASSERT_NO_FATAL_FAILURE(world.settle_all());
        ASSERT_NO_FATAL_FAILURE(world.check());
        if (!GetParam()) {
            ASSERT_NO_FATAL_FAILURE(world.check_pairs());
        }
        ASSERT_GT(world.answered_ok(), kSteps / 10u) << "the calls hardly ever succeed: nothing was tested";
        ASSERT_NO_FATAL_FAILURE(world.clear());
    }
}
INSTANTIATE_TEST_SUITE_P(Media, RoomsModel, testing::Bool(),
                         [](const auto& info) { return info.param ? "Faulty" : "Sound"; });

}  // namespace
