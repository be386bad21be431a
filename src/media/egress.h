#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "media/connection.h"
#include "media/media.h"
#include "media/sdp/consumer_sdp.h"
#include "media/track.h"

namespace sluice::media {

/// One consumer: the producer's tracks out to one browser. The browser's offers are written by us and may run
/// ahead of its answers; webrtcbin negotiates with itself, so to speak: it has every track from the moment it
/// is offered, and what the browser takes is a matter of gates. Scheduler thread.
class Egress final : public Consumer {
public:
    using Tracks =
        std::function<std::vector<std::shared_ptr<Track>>()>;  ///< The producer's, in the order they came.

    Egress(Surroundings& around, std::shared_ptr<Pipeline> pipeline, std::string user, Tracks tracks,
           std::function<Status()> may_connect, std::function<void(ConnectionState)> on_state);
    ~Egress() override;

    void offer(bool ice_restart, Done<std::string> done) override;
    void answer(std::string sdp, Done<Ok> done) override;
    ConnectionStats stats() const override;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::media
