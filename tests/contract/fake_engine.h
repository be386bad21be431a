#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/scheduler.h"
#include "media/media.h"

namespace sluice::test {

/// Media that does as it is told by lines in the SDP it gets: "a=x-refuse" (cannot be taken), "a=x-never" (no
/// answer), "a=x-late" (the answer comes half a second later), "a=x-drop" (the answer is forgotten),
/// "a=x-no-offers" (of a producer: no offer can be made of it), "a=x-no-drawing" (of a producer: drawing it
/// is an error), "a=x-endless-drawing", "a=x-bad-drawing" (graphviz cannot read it). Everything else is
/// answered in the next task and counts as connected.
///
/// There are the branches "recording", "broken" (its end is an error) and "endless" (its end never comes, and
/// it stays open), with the parameter "interval".
class FakeEngine final : public media::Engine {
public:
    explicit FakeEngine(Scheduler& scheduler) : scheduler_(scheduler) {}

    std::unique_ptr<media::Producer> produce(const std::string&, const std::string&, const std::string&,
                                             std::function<Status()> may_connect,
                                             std::function<void(media::ConnectionState)>) override {
        return std::make_unique<Producer>(*this, std::move(may_connect));
    }
    size_t connections() const override { return connections_; }
    size_t open_branches() const override { return open_branches_; }
    ice::NetworkStats network() const override { return {.datagrams_dropped = 3, .datagrams_sent = 7}; }
    media::LogDetail log_detail() const override { return detail_; }
    Status set_log_detail(const media::LogDetail& detail) override {
        if (!detail.threshold.empty() && !detail.threshold.ends_with(":5"))
            return Error{ErrorCode::InvalidArgument, "\"" + detail.threshold + "\" does not end with :5",
                         "threshold"};
        detail_ = detail;
        return Ok{};
    }

private:
    static bool says(const std::string& sdp, const char* line) { return sdp.find(line) != std::string::npos; }

    /// Counted from its first offer on.
    struct Connection {
        Connection(FakeEngine& e, std::function<Status()> may) : engine(e), may_connect(std::move(may)) {}
        ~Connection() { engine.connections_ -= counted; }
        Connection(const Connection&) = delete;
        Connection& operator=(const Connection&) = delete;

        template <typename T>
        bool connect(const Done<T>& done) {
            if (!counted)
                if (const auto may = may_connect(); !may) {
                    engine.scheduler_.post([done, error = may.error()] { done(error); });
                    return false;
                }
            engine.connections_ += !counted;
            counted = true;
            return true;
        }
        /// True: `value` is the answer.
        template <typename T>
        bool answer(const std::string& sdp, T value, Done<T> done) {
            if (says(sdp, "a=x-never"))
                owed.push_back(std::make_shared<Done<T>>(done));
            if (says(sdp, "a=x-never") || says(sdp, "a=x-drop"))
                return false;
            Result<T> result = std::move(value);
            if (!sdp.starts_with("v=0"))
                result = Error{ErrorCode::InvalidArgument, "no SDP starts with '" + sdp.substr(0, 8) + "'"};
            else if (says(sdp, "a=x-refuse"))
                result = Error{ErrorCode::Unacceptable, "the SDP asks to be refused"};
            if (says(sdp, "a=x-late"))
                engine.scheduler_.after(std::chrono::milliseconds(500), [done, result] { done(result); });
            else
                engine.scheduler_.post([done, result] { done(result); });
            return result.has_value();
        }

        FakeEngine& engine;
        const std::function<Status()> may_connect;
        bool counted = false;
        mutable std::vector<std::shared_ptr<void>> owed;
    };

    struct Consumer final : media::Consumer {
        Consumer(const Connection& of, bool makes_offers)
            : connection(of.engine, of.may_connect), makes_offers(makes_offers) {}

        void offer(bool ice_restart, Done<std::string> done) override {
            if (!connection.connect(done))
                return;
            waiting += makes_offers;
            connection.answer<std::string>(makes_offers ? "v=0" : "v=0\na=x-refuse",
                                           ice_restart ? "v=0\r\ns=restart\r\n" : "v=0\r\ns=offer\r\n",
                                           std::move(done));
        }
        void answer(std::string sdp, Done<Ok> done) override {
            if (waiting == 0)
                return connection.engine.scheduler_.post([done] {
                    done(Error{ErrorCode::WrongState, "no offer waits for an answer"});
                });
            waiting -= connection.answer<Ok>(sdp, Ok{}, std::move(done));
        }
        media::ConnectionStats stats() const override {
            return {
                media::ConnectionState::Connected, 10, 1000, {{"0", "audio", "opus", false, 10, 1000, 0, 2}}};
        }

        Connection connection;
        const bool makes_offers;
        int waiting = 0;  ///< Offers that have had no answer.
    };

    struct Producer final : media::Producer {
        Producer(FakeEngine& engine, std::function<Status()> may_connect)
            : connection(engine, std::move(may_connect)) {}

        void offer(std::string sdp, Done<std::string> done) override {
            if (!connection.connect(done))
                return;
            if (connection.answer<std::string>(sdp, "v=0\r\ns=answer\r\n", std::move(done)))
                accepted = sdp;
        }
        void withdraw_offer() override {}
        media::Constraints tracks() const override {
            return {says(accepted, "m=audio"), says(accepted, "m=video")};
        }
        void set_flowing(media::Constraints) override {}
        std::unique_ptr<media::Consumer> consume(const std::string&,
                                                 std::function<void(media::ConnectionState)>) override {
            return std::make_unique<Consumer>(connection, !says(accepted, "a=x-no-offers"));
        }
        media::ConnectionStats stats() const override {
            return {
                media::ConnectionState::Connected,
                20,
                2000,
                {{"0", "audio", "opus", false, 10, 1000, 0, 0}, {"1", "video", "VP8", true, 10, 1000, 3, 4}}};
        }

        Result<media::BranchState> begin_branch(std::string_view name,
                                                const media::BranchParameters& parameters) override {
            const auto branch = find(name);
            if (branch == states.end())
                return Error{ErrorCode::NotFound, "there is no branch \"" + std::string(name) + "\""};
            for (const auto& [parameter, value] : parameters)
                if (parameter != "interval" || !std::holds_alternative<long>(value))
                    return Error{ErrorCode::InvalidArgument, "is not open to a request",
                                 "parameters." + parameter};
            if (branch->phase == media::BranchPhase::Running)
                return Error{ErrorCode::WrongState, "branch \"" + branch->name + "\" is running"};
            branch->phase = media::BranchPhase::Running;
            branch->started = "2026-01-02T03:04:05.678Z";
            return *branch;
        }
        void end_branch(std::string_view name, Done<media::BranchState> done) override {
            const auto branch = find(name);
            Result<media::BranchState> result = Error{ErrorCode::NotFound, "there is no such branch"};
            if (branch != states.end() && branch->phase != media::BranchPhase::Running)
                result = Error{ErrorCode::WrongState, "branch \"" + branch->name + "\" is idle"};
            else if (branch != states.end()) {
                branch->phase = media::BranchPhase::Ended;
                branch->files = {"/recordings/a.webm"};
                result = *branch;
            }
            if (name == "broken" && result)
                result = Error{ErrorCode::Internal, "the disk is full"};
            if (name == "endless") {
                connection.engine.open_branches_++;
                connection.owed.push_back(std::make_shared<Done<media::BranchState>>(done));
            } else
                connection.engine.scheduler_.post([done, result] { done(result); });
        }
        std::vector<media::BranchState> branches() const override { return states; }
        void draw(media::Drawing drawing, Done<std::string> done) const override {
            if (says(accepted, "a=x-no-drawing"))
                return;
            if (says(accepted, "a=x-endless-drawing"))
                return connection.owed.push_back(std::make_shared<Done<std::string>>(done));
            const std::string whole = drawing.whole ? "whole" : "folded";
            const bool dot = drawing.form == media::Drawing::Form::Dot;
            connection.engine.scheduler_.post([done, text = dot ? says(accepted, "a=x-bad-drawing")
                                                                      ? "digraph {"
                                                                      : "digraph { a -> " + whole + " }\n"
                                                                : "a ! " + whole + "\n"] { done(text); });
        }
        std::vector<media::BranchState>::iterator find(std::string_view name) {
            return std::ranges::find(states, name, &media::BranchState::name);
        }
        static media::BranchState idle(const char* name) {
            media::BranchState state;
            state.name = name;
            state.pipeline = "record-webm.launch";
            return state;
        }

        Connection connection;
        std::string accepted;
        std::vector<media::BranchState> states{idle("recording"), idle("broken"), idle("endless")};
    };

    Scheduler& scheduler_;
    size_t connections_ = 0;
    size_t open_branches_ = 0;
    media::LogDetail detail_;
};

}  // namespace sluice::test
