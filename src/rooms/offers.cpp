#include "rooms/offers.h"

#include <optional>
#include <utility>

#include "rooms/answers.h"

namespace sluice::rooms {
namespace {

class Offers : public std::enable_shared_from_this<Offers> {
public:
    Offers(const std::vector<Pair>& pairs, std::function<void(const PairOffers&)> then)
        : missing_(pairs.size()), then_(std::move(then)) {
        for (const auto& pair : pairs)
            entries_.push_back({pair.viewer_id, pair.production, {}, false, 0, std::nullopt});
    }

    void start(Scheduler& scheduler, bool ice_restart);

private:
    struct Entry {
        std::string viewer_id;
        std::weak_ptr<Production> production;
        std::weak_ptr<media::Consumer> consumer;
        bool made;        ///< The connection is made for this offer.
        unsigned number;  ///< Of the offer on its connection; 0: there is none.
        std::optional<Result<std::string>> result;
    };

    void request(size_t index, Scheduler& scheduler, bool ice_restart);
    void on_reply(size_t index, Result<std::string> result);
    void on_time_limit();
    static std::shared_ptr<Production> production_of(const Entry& entry);
    static void free_connection(const Entry& entry);

    std::vector<Entry> entries_;
    size_t missing_;
    std::function<void(const PairOffers&)> then_;
};

void Offers::start(Scheduler& scheduler, bool ice_restart) {
    if (entries_.empty())
        return then_({});
    for (size_t i = 0; i < entries_.size(); i++) request(i, scheduler, ice_restart);
    scheduler.after(kStepLimit, [self = shared_from_this()] { self->on_time_limit(); });
}

void Offers::request(size_t index, Scheduler& scheduler, bool ice_restart) {
    auto& entry = entries_[index];
    const auto reply =
        later(scheduler, Done<std::string>([self = shared_from_this(), index](Result<std::string> result) {
                  self->on_reply(index, std::move(result));
              }));
    const auto production = entry.production.lock();
    auto consumer = production->consumer(entry.viewer_id);
    if (!consumer) {
        consumer = production->consume(entry.viewer_id);
        entry.made = true;
    }
    entry.consumer = consumer;
    consumer->offer(ice_restart, reply);
}

void Offers::on_reply(size_t index, Result<std::string> result) {
    auto& entry = entries_[index];
    if (entry.result)
        return;
    if (!result && (entry.made || result.error().code == ErrorCode::Timeout))
        free_connection(entry);
    if (const auto production = production_of(entry); production && result)
        entry.number = production->count_offer(entry.viewer_id);
    entry.result = std::move(result);
    if (--missing_ > 0)
        return;
    PairOffers results;
    for (auto& each : entries_) {
        const auto production = production_of(each);
        const bool is_over =
            production && each.number > 0 && production->offers(each.viewer_id) != each.number;
        results.push_back(is_over ? std::nullopt : std::move(each.result));
    }
    then_(results);
}

void Offers::on_time_limit() {
    for (size_t i = 0; i < entries_.size(); i++)
        on_reply(i, Error{ErrorCode::Timeout, "the offer for user \"" + entries_[i].viewer_id +
                                                  "\" took longer than " +
                                                  std::to_string(kStepLimit.count()) + " s"});
}

/// Null once the pair's connection has gone: the user may have left and come back, and have another one.
std::shared_ptr<Production> Offers::production_of(const Entry& entry) {
    return entry.consumer.expired() ? nullptr : entry.production.lock();
}

void Offers::free_connection(const Entry& entry) {
    if (const auto production = production_of(entry))
        production->drop(entry.viewer_id);
}

}  // namespace

void make_offers(Scheduler& scheduler, const std::vector<Pair>& pairs, bool ice_restart,
                 std::function<void(const PairOffers&)> then) {
    std::make_shared<Offers>(pairs, std::move(then))->start(scheduler, ice_restart);
}

}  // namespace sluice::rooms
