#include "rooms/production.h"

#include <utility>

#include "base/log.h"

namespace sluice::rooms {

Production::Production(media::Engine& engine, const ConnectionLimit& limit, std::string room_id,
                       std::string user_id, const UserInfo& user_info)
    : room_id_(std::move(room_id)), user_id_(std::move(user_id)) {
    producer_ = engine.produce(
        room_id_, user_id_, user_info, [&limit] { return limit.check(1); },
        [room = room_id_, user = user_id_](media::ConnectionState state) {
            log::info("producer connection changed",
                      {{"room", room}, {"user", user}, {"state", media::to_string(state)}});
        });
}

void Production::on_answered(const RequestedConstraints& requested) {
    answered_ = true;
    apply({requested.audio.value_or(true), requested.video.value_or(true)});
}

void Production::apply(const RequestedConstraints& requested) {
    flowing_ = {requested.audio.value_or(flowing_.audio), requested.video.value_or(flowing_.video)};
    producer_->set_flowing(flowing_);
}

media::Constraints Production::constraints() const {
    const auto tracks = producer_->tracks();
    return {tracks.audio && flowing_.audio, tracks.video && flowing_.video};
}

std::shared_ptr<media::Consumer> Production::consumer(const std::string& viewer_id) const {
    const auto entry = consumers_.find(viewer_id);
    return entry == consumers_.end() ? nullptr : entry->second.consumer;
}

unsigned Production::offers(const std::string& viewer_id) const {
    const auto entry = consumers_.find(viewer_id);
    return entry == consumers_.end() ? 0 : entry->second.offers;
}

std::shared_ptr<media::Consumer> Production::consume(const std::string& viewer_id) {
    std::shared_ptr<media::Consumer> consumer = producer_->consume(
        viewer_id, [room = room_id_, user = viewer_id, producer = user_id_](media::ConnectionState state) {
            log::info(
                "consumer connection changed",
                {{"room", room}, {"user", user}, {"producer", producer}, {"state", media::to_string(state)}});
        });
    consumers_[viewer_id] = Outgoing{.consumer = consumer};
    return consumer;
}

}  // namespace sluice::rooms
