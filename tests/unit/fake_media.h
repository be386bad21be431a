#pragma once

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/scheduler.h"
#include "media/media.h"

/// Media without media: SDP is plain text, and a test decides when and how each step is answered.
///
/// The offer of a producer names its kinds ("audio video"), and "reload" is one of a page that was loaded
/// again; an offer or an answer with "bad" in it is Unacceptable. A producer is called by its user ("1"), a
/// consumer by producer and user ("1>2"), a step by what it does
/// ("produce 1", "offer 1>2", "answer 1>2").
namespace sluice::test {

enum class Reply {
    Now,   ///< In a task of its own.
    Fail,  ///< The same, with an Internal error.
    Drop,  ///< The same, by letting the Done go.
    Hold   ///< When the test calls settle().
};

/// The steps in hand. A connection that goes lets its own go.
class FakeSteps {
public:
    explicit FakeSteps(Scheduler& s) : scheduler(s) {}

    void begin(const void* owner, const std::string& name, std::function<void(Reply)> answer) {
        log.push_back(name);
        if (std::any_of(steps_.begin(), steps_.end(),
                        [&](const auto& step) { return step.owner == owner && step.name == name; }))
            overlaps.push_back(name);
        const auto how = reply(name);
        const auto id = ++last_id_;
        steps_.push_back({id, owner, name, how == Reply::Hold, std::move(answer)});
        if (how != Reply::Hold)
            scheduler.post(
                [this, id, how] { finish([id](const Step& step) { return step.id == id; }, how); });
    }
    /// Answers the oldest such step that is held; false if there is none.
    bool settle(const std::string& name, Reply how = Reply::Now) {
        return finish([&](const Step& step) { return step.held && step.name == name; }, how);
    }
    /// The names of the steps that are held, oldest first.
    std::vector<std::string> held() const {
        std::vector<std::string> names;
        for (const auto& step : steps_)
            if (step.held)
                names.push_back(step.name);
        return names;
    }
    void forget(const void* owner) {
        std::list<Step> gone;
        for (auto step = steps_.begin(); step != steps_.end();) {
            const auto next = std::next(step);
            if (step->owner == owner)
                gone.splice(gone.end(), steps_, step);
            step = next;
        }
        if (drop_late)
            scheduler.post([gone = std::make_shared<std::list<Step>>(std::move(gone))] {});
    }

    Scheduler& scheduler;
    std::function<Reply(const std::string& step)> reply = [](const std::string&) { return Reply::Now; };
    bool drop_late =
        false;  ///< Steps of a connection that goes are let go in a later task, not inside its destructor.
    std::vector<std::string> log;       ///< Every step begun and every connection closed ("close 1>2").
    std::vector<std::string> overlaps;  ///< Steps begun while the same connection had the same one in hand.

private:
    struct Step {
        unsigned id;
        const void* owner;
        std::string name;
        bool held;
        std::function<void(Reply)> answer;
    };

    bool finish(const std::function<bool(const Step&)>& which, Reply how) {
        const auto found = std::find_if(steps_.begin(), steps_.end(), which);
        if (found == steps_.end())
            return false;
        const Step step = std::move(*found);
        steps_.erase(found);
        step.answer(how);
        return true;
    }

    std::list<Step> steps_;
    unsigned last_id_ = 0;
};

/// What producers and consumers have in common.
class FakeConnection {
public:
    FakeConnection(FakeSteps& steps, std::shared_ptr<size_t> count, std::string n,
                   std::function<Status()> may_connect, std::function<void(media::ConnectionState)> on_state)
        : name(std::move(n)),
          steps_(steps),
          count_(std::move(count)),
          may_connect_(std::move(may_connect)),
          on_state_(std::move(on_state)) {}
    FakeConnection(const FakeConnection&) = delete;
    FakeConnection& operator=(const FakeConnection&) = delete;

    void set_state(media::ConnectionState state) {
        if (state == media::ConnectionState::Failed)
            counted_.reset();
        numbers.state = state;
        on_state_(state);
    }

    const std::string name;
    media::ConnectionStats numbers;  ///< What stats() says.

protected:
    ~FakeConnection() {
        steps_.log.push_back("close " + name);
        steps_.forget(this);
    }
    /// A connection that counts until the task after its end, for tear-down takes its time.
    using Counted = std::shared_ptr<size_t>;
    Result<Counted> connect() {
        if (const auto may = may_connect_(); !may)
            return may.error();
        ++*count_;
        return Counted(count_.get(), [count = count_, &scheduler = steps_.scheduler](size_t*) {
            scheduler.post([count] { --*count; });
        });
    }
    /// An error, in a task of its own.
    template <typename T>
    void refuse(const Done<T>& done, const Error& error) {
        steps_.scheduler.post([done, error] { done(error); });
    }
    /// `apply` makes the reply when its time has come.
    template <typename T>
    void step(const std::string& what, Done<T> done, std::function<Result<T>()> apply) {
        steps_.begin(this, what + " " + name, [done = std::move(done), apply = std::move(apply)](Reply how) {
            if (how == Reply::Now)
                done(apply());
            else if (how == Reply::Fail)
                done(Error{ErrorCode::Internal, "media failed"});
        });
    }

    FakeSteps& steps_;
    const std::shared_ptr<size_t> count_;
    const std::function<Status()> may_connect_;
    Counted counted_;  ///< Null: there is no connection, or it has failed.

private:
    const std::function<void(media::ConnectionState)> on_state_;
};

class FakeConsumer final : public FakeConnection, public media::Consumer {
public:
    using List = std::vector<FakeConsumer*>;
    FakeConsumer(FakeSteps& steps, std::shared_ptr<size_t> count, List& alive, const std::string& of,
                 std::string u, std::function<Status()> may_connect,
                 std::function<void(media::ConnectionState)> on_state)
        : FakeConnection(steps, std::move(count), of + ">" + u, std::move(may_connect), std::move(on_state)),
          producer(of),
          user(std::move(u)),
          alive_(alive) {
        alive_.push_back(this);
    }
    ~FakeConsumer() override { std::erase(alive_, this); }

    void offer(bool ice_restart, Done<std::string> done) override {
        if (!counted_) {
            auto connected = connect();
            if (!connected)
                return refuse(done, connected.error());
            counted_ = *std::move(connected);
        }
        step<std::string>("offer", std::move(done), [this, ice_restart]() -> Result<std::string> {
            waiting++;
            return "offer " + name + " #" + std::to_string(++offers) + (ice_restart ? " restart" : "");
        });
    }
    void answer(std::string sdp, Done<Ok> done) override {
        step<Ok>("answer", std::move(done), [this, sdp = std::move(sdp)]() -> Result<Ok> {
            if (waiting == 0)
                return Error{ErrorCode::WrongState, "no offer waits for an answer"};
            if (sdp.find("bad") != std::string::npos)
                return Error{ErrorCode::Unacceptable, "the answer does not fit", "answer.sdp"};
            waiting--;
            return Ok{};
        });
    }
    media::ConnectionStats stats() const override { return numbers; }

    const std::string producer;
    const std::string user;
    int offers = 0;   ///< Made so far.
    int waiting = 0;  ///< Offers without an answer.

private:
    List& alive_;
};

class FakeProducer final : public FakeConnection, public media::Producer {
public:
    using List = std::vector<FakeProducer*>;
    FakeProducer(FakeSteps& steps, std::shared_ptr<size_t> count, List& alive, std::string r,
                 const std::string& u, std::function<Status()> may_connect,
                 std::function<void(media::ConnectionState)> on_state)
        : FakeConnection(steps, std::move(count), u, std::move(may_connect), std::move(on_state)),
          room(std::move(r)),
          alive_(alive) {
        alive_.push_back(this);
    }
    ~FakeProducer() override {
        EXPECT_TRUE(consumers.empty()) << "producer " << name << " goes before its consumers";
        std::erase(alive_, this);
    }

    void offer(std::string sdp, Done<std::string> answer) override {
        auto counted = counted_;
        if (!counted || sdp.find("reload") != std::string::npos) {
            auto connected = connect();
            if (!connected)
                return refuse(answer, connected.error());
            counted = *std::move(connected);
        }
        in_hand_ = std::make_shared<Counted>(std::move(counted));
        step<std::string>(
            "produce", std::move(answer),
            [this, mine = std::weak_ptr(in_hand_), sdp = std::move(sdp)]() -> Result<std::string> {
                if (mine.expired())
                    return Error{ErrorCode::WrongState, "the offer was withdrawn"};
                const auto counted = *std::exchange(in_hand_, nullptr);
                if (sdp.find("bad") != std::string::npos)
                    return Error{ErrorCode::Unacceptable, "no common codec", "offer.sdp"};
                counted_ = counted;
                offered = {sdp.find("audio") != std::string::npos, sdp.find("video") != std::string::npos};
                return "answer to " + sdp;
            });
    }
    void withdraw_offer() override { in_hand_.reset(); }
    media::Constraints tracks() const override { return offered; }
    void set_flowing(media::Constraints kinds) override { flowing = kinds; }
    std::unique_ptr<media::Consumer> consume(const std::string& user,
                                             std::function<void(media::ConnectionState)> on_state) override {
        return std::make_unique<FakeConsumer>(steps_, count_, consumers, name, user, may_connect_,
                                              std::move(on_state));
    }
    media::ConnectionStats stats() const override { return numbers; }
    /// A branch is whatever has been begun.
    Result<media::BranchState> begin_branch(std::string_view branch,
                                            const media::BranchParameters&) override {
        if (branch == "none")
            return Error{ErrorCode::NotFound, "there is no branch \"none\""};
        media::BranchState state;
        state.name = branch;
        begun.push_back(state);
        return state;
    }
    void end_branch(std::string_view branch, Done<media::BranchState> done) override {
        media::BranchState state;
        state.name = branch;
        step<media::BranchState>("end " + state.name, std::move(done), [state] { return state; });
    }
    std::vector<media::BranchState> branches() const override { return begun; }
    void draw(media::Drawing drawing, Done<std::string> done) const override {
        steps_.begin(static_cast<const FakeConnection*>(this), "draw " + name,
                     [done = std::move(done), whole = drawing.whole](Reply how) {
                         if (how == Reply::Now)
                             done(std::string(whole ? "whole" : "folded"));
                     });
    }

    std::vector<media::BranchState> begun;
    const std::string room;
    media::Constraints offered;  ///< The kinds of the last offer accepted.
    media::Constraints flowing;
    FakeConsumer::List consumers;  ///< Those alive.

private:
    std::shared_ptr<Counted> in_hand_;  ///< The connection of the offer that is being answered.
    List& alive_;
};

/// Outlives its connections and the scheduler's tasks about them.
class FakeEngine final : public media::Engine {
public:
    explicit FakeEngine(Scheduler& scheduler) : steps(scheduler) {}

    std::unique_ptr<media::Producer> produce(const std::string& room, const std::string& user,
                                             const std::string&, std::function<Status()> may_connect,
                                             std::function<void(media::ConnectionState)> on_state) override {
        return std::make_unique<FakeProducer>(steps, count_, producers, room, user, std::move(may_connect),
                                              std::move(on_state));
    }
    size_t connections() const override { return *count_; }
    size_t open_branches() const override { return 0; }
    ice::NetworkStats network() const override { return {}; }
    media::LogDetail log_detail() const override { return {}; }
    Status set_log_detail(const media::LogDetail&) override { return Ok{}; }

    /// The first of that name; null if there is none.
    FakeProducer* producer(const std::string& name) const {
        for (auto* producer : producers)
            if (producer->name == name)
                return producer;
        return nullptr;
    }
    FakeConsumer* consumer(const std::string& name) const {
        for (const auto* producer : producers)
            for (auto* consumer : producer->consumers)
                if (consumer->name == name)
                    return consumer;
        return nullptr;
    }

    FakeSteps steps;
    FakeProducer::List producers;  ///< Those alive.

private:
    const std::shared_ptr<size_t> count_ = std::make_shared<size_t>(0);
};

}  // namespace sluice::test
