#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/glib_scheduler.h"
#include "media/engine.h"
#include "peer/connection.h"

namespace sluice::test {

using namespace std::chrono_literals;
using media::ConnectionState;
using peer::Kind;

/// The server's media without its REST, and browsers, all on the thread of the test; real ICE, DTLS and SRTP
/// over 127.0.0.1.
struct MediaFixture : testing::Test {
    explicit MediaFixture(std::chrono::seconds consent_timeout = 20s, ice::Agent agent = ice::Agent::Lite);
    /// All connections must be gone by now, or go by themselves.
    void TearDown() override;

    /// Turns the loop until `done` holds. The limit is a watchdog: it fails, naming what never came.
    testing::AssertionResult wait_for(const std::string& what, const std::function<bool()>& done,
                                      peer::Time limit = 10s);
    template <typename T>
    Result<T> await(const std::function<void(Done<T>)>& call) {
        const auto answer = std::make_shared<std::optional<Result<T>>>();
        call(Done<T>([answer](Result<T> result) { answer->emplace(std::move(result)); }));
        if (!wait_for("an answer", [&] { return answer->has_value(); }))
            return Error{ErrorCode::Timeout, "no answer came"};
        return std::move(**answer);
    }

    peer::Loop loop;
    peer::Certificate certificate;
    GlibScheduler scheduler;
    std::unique_ptr<ice::Network> network;
    std::unique_ptr<media::Engine> engine;
    Status may_connect = Ok{};  ///< What publishers' servers are told.
};

/// A user who sends: the browser and the server's end.
struct Publisher {
    Publisher(MediaFixture& in, const std::string& user, peer::Faults faults = {});
    ~Publisher();

    /// A track of each kind, as most pages have.
    Publisher& with_both(peer::Media media = {});
    /// The browser's offer and the server's answer.
    testing::AssertionResult negotiate();
    /// The page is loaded again: another browser connection; the server's end stays.
    void reload();
    ConnectionState state() const { return server->stats().state; }
    peer::Sender& audio() const { return *browser->sender(Kind::Audio); }
    peer::Sender& video() const { return *browser->sender(Kind::Video); }

    MediaFixture& in;
    std::string user;
    std::unique_ptr<media::Producer> server;
    std::unique_ptr<peer::Connection> browser;
};

/// A user who watches one other.
struct Viewer {
    Viewer(MediaFixture& in, Publisher& publisher, const std::string& user, peer::Faults faults = {});
    ~Viewer();

    Result<std::string> offer(bool ice_restart = false);
    /// The browser takes an offer and its answer goes back.
    testing::AssertionResult answer(const std::string& offer);
    testing::AssertionResult negotiate(bool ice_restart = false);
    ConnectionState state() const { return server->stats().state; }

    /// By the number of its section in the offer, "0", "1"...
    peer::ReceivedTrack* track(const std::string& section) const;
    /// So many packets more of that section.
    testing::AssertionResult receives(const std::string& section, uint64_t more = 15);
    /// Every track that came (or that of one section) is whole: nothing missing, doubled, damaged or unknown.
    testing::AssertionResult is_whole(const std::string& section = {}) const;
    /// Whole, and without a longer pause than the sender made.
    testing::AssertionResult is_unharmed(const std::string& section = {}) const;

    std::vector<const peer::ReceivedTrack*> tracks(const std::string& section) const;

    MediaFixture& in;
    std::string user;
    std::unique_ptr<media::Consumer> server;
    std::unique_ptr<peer::Connection> browser;
};

/// The log of the server while this lives; written to standard error at the end.
struct CapturedLog {
    CapturedLog();
    ~CapturedLog();
    /// All so far; once.
    std::string take();

private:
    bool taken_ = false;
};

}  // namespace sluice::test
