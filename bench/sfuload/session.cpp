#include "sfuload/session.h"

#include <algorithm>

#include "sfuload/jobs.h"

namespace sluice::load {

using namespace std::chrono_literals;

Consumer::Numbers Publisher::sent() const {
    const auto packets = [this](peer::Kind kind) {
        const peer::Sender* sender = connection->sender(kind);
        return sender ? uint32_t(sender->packets()) : 0;
    };
    return {packets(peer::Kind::Audio), packets(peer::Kind::Video)};
}

bool Publisher::settled() const {
    return connection->state() != peer::State::New && connection->state() != peer::State::Connecting;
}

void Subscription::take_times() {
    if (!consumer)
        return;
    connected = consumer->connected_at();
    first_packet = consumer->first_packet_at();
    first_key_frame = consumer->first_key_frame_at();
}

bool Subscription::settled() const {
    if (!error.empty())
        return true;
    return consumer && (consumer->has_media() || consumer->state() == Consumer::State::Failed ||
                        consumer->state() == Consumer::State::Closed);
}

Session::Session(const Options& options, MediaThread& media, Signalling& signalling)
    : options_(options), media_(media), signalling_(signalling) {}

Session::~Session() {
    end();
    inspect([](auto& publishers, auto& subscriptions) {
        publishers.clear();
        subscriptions.clear();
    });
}

void Session::end() {
    inspect([](auto& publishers, auto& subscriptions) {
        for (auto& publisher : publishers) publisher->connection->close();
        for (auto& subscription : subscriptions)
            if (subscription->consumer)
                subscription->consumer->close();
    });
    // A failure to leave is the server's to tell of; there is nothing left to do about it.
    run_jobs(users_.size(), [this](size_t i) { (void)signalling_.leave(users_[i].first, users_[i].second); });
    run_jobs(rooms_.size(), [this](size_t i) { (void)signalling_.delete_room(rooms_[i]); });
    users_.clear();
    rooms_.clear();
}

Status Session::create_room(const std::string& room) {
    auto created = signalling_.create_room(room);
    if (created) {
        const std::scoped_lock lock(mutex_);
        rooms_.push_back(room);
    }
    return created;
}

Result<std::vector<Signalling::Offer>> Session::join(const std::string& room, const std::string& user) {
    auto offers = signalling_.join(room, user);
    if (offers) {
        const std::scoped_lock lock(mutex_);
        users_.emplace_back(room, user);
    }
    return offers;
}

Result<std::vector<Signalling::Offer>> Session::publish(const std::string& room, const std::string& user) {
    auto publisher = std::make_unique<Publisher>();
    Publisher& p = *publisher;
    p.room = room;
    p.user = user;
    const std::string offer = media_.call([&] {
        p.connection = std::make_unique<peer::Connection>(media_.loop(), media_.certificate(), peer::Faults{},
                                                          options_.address);
        if (options_.audio)
            p.connection->add_track(peer::Kind::Audio);
        if (options_.video)
            p.connection->add_track(peer::Kind::Video, options_.media);
        return p.connection->create_offer();
    });
    {
        const std::scoped_lock lock(mutex_);
        publishers_.push_back(std::move(publisher));
    }
    p.began = peer::now();
    auto produced = signalling_.produce(room, user, offer);
    if (!produced)
        return produced.error();
    const Status status = media_.call([&] { return p.connection->set_answer(produced->answer); });
    if (!status)
        return status.error();
    return std::move(produced->outbound);
}

Consumer::Settings Session::next_settings() {
    const std::scoped_lock lock(mutex_);
    const int number = consumers_made_++;
    return {options_.address, options_.check_every > 0 && number % options_.check_every == 0};
}

void Session::subscribe(const std::string& room, const std::string& user, const std::string& producer,
                        const std::vector<Signalling::Offer>& offers, peer::Time began, bool passing) {
    auto subscription = std::make_unique<Subscription>();
    Subscription& s = *subscription;
    s.room = room;
    s.user = user;
    s.producer = producer;
    s.began = began;
    s.passing = passing;
    {
        const std::scoped_lock lock(mutex_);
        subscriptions_.push_back(std::move(subscription));
    }
    const auto fail = [this, &s](const Error& error) {
        const std::scoped_lock lock(mutex_);
        s.error = error.message;
    };
    const auto made = std::ranges::find(offers, producer, &Signalling::Offer::user);
    Result<std::string> offer = std::string();
    if (made != offers.end())
        offer = made->sdp;
    else
        offer = signalling_.subscribe(room, user, producer);
    if (!offer)
        return fail(offer.error());
    const auto answer = media_.call([&, settings = next_settings()] {
        const std::scoped_lock lock(mutex_);
        s.consumer = std::make_unique<Consumer>(media_, settings);
        return s.consumer->answer(*offer);
    });
    if (!answer)
        return fail(answer.error());
    s.answered = peer::now();
    if (const auto consumed = signalling_.consume(room, user, producer, *answer); !consumed)
        return fail(consumed.error());
    s.consumed = peer::now();
}

void Session::add_failure(const std::string& room, const std::string& user, const std::string& error,
                          bool passing) {
    auto subscription = std::make_unique<Subscription>();
    subscription->room = room;
    subscription->user = user;
    subscription->error = error;
    subscription->passing = passing;
    const std::scoped_lock lock(mutex_);
    subscriptions_.push_back(std::move(subscription));
}

void Session::leave(const std::string& room, const std::string& user) {
    inspect([&](auto&, auto& subscriptions) {
        for (auto& subscription : subscriptions)
            if (subscription->room == room && subscription->user == user) {
                subscription->take_times();
                subscription->consumer.reset();
            }
    });
    if (signalling_.leave(room, user)) {
        const std::scoped_lock lock(mutex_);
        std::erase(users_, std::pair(room, user));
    }
}

bool Session::wait_for_publishers() {
    return wait_until(options_.setup_limit, [this] {
        return inspect([](auto& publishers, auto&) {
            return std::ranges::all_of(publishers, [](const auto& p) { return p->settled(); });
        });
    });
}

bool Session::wait_for_subscriptions() {
    return wait_until(options_.setup_limit, [this] {
        return inspect([](auto&, auto& subscriptions) {
            return std::ranges::all_of(subscriptions,
                                       [](const auto& s) { return s->passing || s->settled(); });
        });
    });
}

size_t Session::subscriptions_with_media() {
    return inspect([](auto&, auto& subscriptions) {
        return size_t(std::ranges::count_if(
            subscriptions, [](const auto& s) { return s->consumer && s->consumer->has_media(); }));
    });
}

}  // namespace sluice::load
