#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "peer/connection.h"
#include "sfuload/consumer.h"
#include "sfuload/options.h"
#include "sfuload/signalling.h"

namespace sluice::load {

/// A user who sends.
struct Publisher {
    std::string room, user;
    std::unique_ptr<peer::Connection> connection;  ///< Of the media thread.
    peer::Time began{};                            ///< Of the call to produce.

    Consumer::Numbers sent() const;
    bool settled() const;  ///< Connected, or never will be.
};

/// A user's connection for one publisher, and what came of it.
struct Subscription {
    std::string room, user, producer;
    bool passing = false;                ///< Comes and goes.
    std::unique_ptr<Consumer> consumer;  ///< Of the media thread. A passing one's is gone once it has left.
    std::string error;
    peer::Time began{};     ///< Of the first call for it.
    peer::Time answered{};  ///< The server is told the answer.
    peer::Time consumed{};  ///< The server has taken it.
    peer::Time connected{}, first_packet{}, first_key_frame{};

    void take_times();
    bool settled() const;  ///< Has media, or never will have.
};

/// All users of one load, as threads of signalling drive them.
class Session {
public:
    Session(const Options& options, MediaThread& media, Signalling& signalling);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Status create_room(const std::string& room);
    Result<std::vector<Signalling::Offer>> join(const std::string& room, const std::string& user);
    /// Of a user who has joined. The offers are for the others of the room.
    Result<std::vector<Signalling::Offer>> publish(const std::string& room, const std::string& user);
    /// `offers`: where the one of `producer` may be; else the server is asked for it. `began`: see
    /// Subscription.
    void subscribe(const std::string& room, const std::string& user, const std::string& producer,
                   const std::vector<Signalling::Offer>& offers, peer::Time began, bool passing = false);
    /// Ends all that `user` has.
    void leave(const std::string& room, const std::string& user);
    /// Everybody's connections, users and rooms. What came of them stays. Also done by the destructor.
    void end();
    /// Of a user who could not even join.
    void add_failure(const std::string& room, const std::string& user, const std::string& error,
                     bool passing);

    /// False: not all have media after the limit of the options, or the user wants an end.
    bool wait_for_publishers();
    bool wait_for_subscriptions();
    size_t subscriptions_with_media();

    /// On the media thread: `use(publishers, subscriptions)`, while nobody adds any.
    template <typename Use>
    auto inspect(Use use) {
        return media_.call([&] {
            const std::scoped_lock lock(mutex_);
            return use(publishers_, subscriptions_);
        });
    }

private:
    Consumer::Settings next_settings();

    const Options& options_;
    MediaThread& media_;
    Signalling& signalling_;
    std::mutex mutex_;  ///< Of all below.
    std::vector<std::unique_ptr<Publisher>> publishers_;
    std::vector<std::unique_ptr<Subscription>> subscriptions_;
    std::vector<std::string> rooms_;
    std::vector<std::pair<std::string, std::string>> users_;  ///< Those in the server, with their rooms.
    int consumers_made_ = 0;
};

}  // namespace sluice::load
