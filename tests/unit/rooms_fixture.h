#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fake_media.h"
#include "fake_scheduler.h"
#include "rooms/rooms.h"

namespace sluice::test {

/// What became of one call.
template <typename T>
class Call {
public:
    Done<T> done() {
        return Done<T>(
            [state = state_](Result<T> result) {
                state->answers++;
                state->result.emplace(std::move(result));
            },
            [state = state_] { return state->wanted; });
    }
    /// Nobody waits for the answer any more.
    void give_up() { state_->wanted = false; }
    bool answered() const { return state_->result.has_value(); }
    bool ok() const { return answered() && *state_->result; }
    int answers() const { return state_->answers; }
    /// What a test that got something else prints.
    std::string text() const {
        return !answered() ? "no answer" : *state_->result ? "ok" : state_->result->error().message;
    }
    const T& operator*() const { return state_->result->value(); }
    const T* operator->() const { return &state_->result->value(); }
    const Error& error() const { return state_->result->error(); }
    bool failed(ErrorCode code) const { return answered() && !*state_->result && error().code == code; }

private:
    struct State {
        int answers = 0;
        bool wanted = true;
        std::optional<Result<T>> result;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Rooms on fake media and fake time. Every call made through it must be answered once, and its connections
/// gone, when the test ends.
class RoomsTest : public testing::Test {
protected:
    explicit RoomsTest(const rooms::Limits& limits = {}) : rooms(scheduler, engine, limits) {}

    void TearDown() override {
        rooms.clear();
        scheduler.advance(std::chrono::minutes(1));
        for (const auto& owed : owed_) EXPECT_EQ(owed.second(), 1) << "answers to " << owed.first;
        EXPECT_EQ(engine.connections(), 0u);
        EXPECT_EQ(scheduler.pending(), 0u);
    }

    Call<rooms::Entered> create(std::optional<std::string> room, std::optional<rooms::NewUser> user = {}) {
        return call<rooms::Entered>("create", [&](auto done) { rooms.create(room, user, done); });
    }
    Call<rooms::Entered> add(const std::string& user, const std::string& info = "{}") {
        return call<rooms::Entered>("add " + user, [&](auto done) {
            rooms.add_user("r", {user, info}, done);
        });
    }
    Call<rooms::Produced> produce(const std::string& user, std::optional<std::string> offer = "audio video",
                                  rooms::RequestedConstraints constraints = {}) {
        return call<rooms::Produced>("produce " + user,
                                     [&](auto done) { rooms.produce("r", user, offer, constraints, done); });
    }
    Call<Ok> consume(const std::string& user, const std::string& producer,
                     const std::string& answer = "answer") {
        return call<Ok>("consume " + producer + ">" + user,
                        [&](auto done) { rooms.consume("r", user, producer, answer, done); });
    }
    Call<std::string> reoffer(const std::string& user, const std::string& producer) {
        return call<std::string>("reoffer " + producer + ">" + user,
                                 [&](auto done) { rooms.reoffer("r", user, producer, done); });
    }
    Call<media::BranchState> begin_branch(const std::string& user, const std::string& name) {
        return call<media::BranchState>("begin " + name,
                                        [&](auto done) { rooms.begin_branch("r", user, name, {}, done); });
    }
    Call<media::BranchState> end_branch(const std::string& user, const std::string& name) {
        return call<media::BranchState>("end " + name,
                                        [&](auto done) { rooms.end_branch("r", user, name, done); });
    }
    Call<std::string> draw(const std::string& user, const std::string& room = "r") {
        return call<std::string>("draw " + user, [&](auto done) {
            rooms.draw(room, user, {media::Drawing::Form::Dot, true}, done);
        });
    }
    Call<rooms::Left> stop(const std::string& user) {
        return call<rooms::Left>("stop " + user, [&](auto done) { rooms.stop_producing("r", user, done); });
    }
    Call<rooms::Left> leave(const std::string& user) {
        return call<rooms::Left>("leave " + user, [&](auto done) { rooms.remove_user("r", user, done); });
    }
    Call<size_t> remove(const std::string& room = "r") {
        return call<size_t>("remove " + room, [&](auto done) { rooms.remove(room, done); });
    }

    /// The room "r" with these users; the first `producers` of them produce, and everybody has answered.
    void given(const std::vector<std::string>& users, size_t producers) {
        create("r");
        for (const auto& user : users) add(user);
        for (size_t i = 0; i < producers; i++) produce(users[i]);
        run();
        for (size_t i = 0; i < producers; i++)
            for (const auto& user : users)
                if (user != users[i])
                    consume(user, users[i]);
        run();
        for (const auto& owed : owed_) ASSERT_EQ(owed.second(), 1) << "answers to " << owed.first;
        engine.steps.log.clear();
    }
    void run(Scheduler::Duration time = Scheduler::Duration::zero()) { scheduler.advance(time); }
    /// The steps whose names are in `steps` wait for settle().
    void hold(std::vector<std::string> steps) {
        engine.steps.reply = [steps = std::move(steps)](const std::string& step) {
            return std::find(steps.begin(), steps.end(), step) == steps.end() ? Reply::Now : Reply::Hold;
        };
    }
    void fail(const std::string& failing) {
        engine.steps.reply = [failing](const std::string& step) {
            return step == failing ? Reply::Fail : Reply::Now;
        };
    }
    void answer_all() {
        engine.steps.reply = [](const std::string&) { return Reply::Now; };
    }

    FakeScheduler scheduler;
    FakeEngine engine{scheduler};
    rooms::Rooms rooms;

private:
    template <typename T>
    Call<T> call(const std::string& name, const std::function<void(Done<T>)>& make) {
        Call<T> call;
        owed_.emplace_back(name, [call] { return call.answers(); });
        make(call.done());
        EXPECT_FALSE(call.answered()) << name << " was answered inside the call";
        return call;
    }
    std::vector<std::pair<std::string, std::function<int()>>> owed_;
};

/// "1=offer, 2!error, 3": whom an answer tells of what.
inline std::string told(const std::vector<rooms::Outbound>& outbound) {
    std::string text;
    for (const auto& to : outbound)
        text += (text.empty() ? "" : ", ") + to.user_id + (to.offer ? "=" + *to.offer : "") +
                (to.error ? "!" + *to.error : "");
    return text;
}
inline std::string told(const std::vector<rooms::UserView>& users) {
    std::string text;
    for (const auto& user : users) {
        text += (text.empty() ? "" : ", ") + user.user_id + (user.offer ? "=" + *user.offer : "") +
                (user.error ? "!" + *user.error : "");
        if (user.constraints)
            text += std::string(" ") + (user.constraints->audio ? "a" : "-") +
                    (user.constraints->video ? "v" : "-");
    }
    return text;
}

}  // namespace sluice::test
