#include "http/views.h"

#include <optional>
#include <string_view>

#include "base/json.h"

namespace sluice::http {
namespace {

using json::array;
using json::object;
using json::quoted;
using json::quoted_valid;

template <typename T, typename ToText>
std::string list(const std::vector<T>& items, ToText to_text) {
    std::vector<std::string> texts;
    texts.reserve(items.size());
    for (const auto& item : items) texts.push_back(to_text(item));
    return array(texts);
}

std::optional<std::string> maybe_quoted(const std::optional<std::string>& text) {
    return text ? std::optional(quoted(*text)) : std::nullopt;
}

std::string boolean(bool value) {
    return value ? "true" : "false";
}

std::string constraints_json(const media::Constraints& constraints) {
    return object({{"audio", boolean(constraints.audio)}, {"video", boolean(constraints.video)}});
}

/// As an RTCSessionDescription has it.
std::optional<std::string> session(std::string_view type, const std::optional<std::string>& sdp) {
    if (!sdp)
        return std::nullopt;
    return object({{"type", quoted(type)}, {"sdp", quoted(*sdp)}});
}

std::string user_json(const rooms::UserView& user) {
    return object({{"userId", quoted(user.user_id)},
                   {"userInfo", user.user_info},
                   {"offer", session("offer", user.offer)},
                   {"constraints",
                    user.constraints ? std::optional(constraints_json(*user.constraints)) : std::nullopt},
                   {"error", maybe_quoted(user.error)}});
}

std::string outbound_json(const std::vector<rooms::Outbound>& outbound) {
    return list(outbound, [](const rooms::Outbound& to) {
        return object({{"userId", quoted(to.user_id)},
                       {"userInfo", to.user_info},
                       {"offer", session("offer", to.offer)},
                       {"error", maybe_quoted(to.error)}});
    });
}

std::string state_json(const media::ConnectionStats& stats) {
    return quoted(media::to_string(stats.state));
}

bool live(const rooms::ConsumerState& consumer) {
    return consumer.stats.state != media::ConnectionState::Failed &&
           consumer.stats.state != media::ConnectionState::Closed;
}

std::string tracks_json(const media::ConnectionStats& stats) {
    return list(stats.tracks, [](const media::TrackStats& track) {
        return object({{"mid", quoted(track.mid)},
                       {"kind", quoted(track.kind)},
                       {"codec", quoted(track.codec)},
                       {"muted", boolean(track.muted)},
                       {"packets", std::to_string(track.packets)},
                       {"bytes", std::to_string(track.bytes)},
                       {"keyFrameRequests", std::to_string(track.key_frame_requests)},
                       {"dropped", std::to_string(track.dropped)},
                       {"retransmitted", std::to_string(track.retransmitted)}});
    });
}

std::string producer_stats_json(const rooms::ProducerState& producer) {
    return object({{"producerCount", std::to_string(producer.stats.tracks.size())},
                   {"bytesReceived", std::to_string(producer.stats.bytes)},
                   {"packetsReceived", std::to_string(producer.stats.packets)},
                   {"state", state_json(producer.stats)},
                   {"tracks", tracks_json(producer.stats)}});
}

std::string consumer_stats_json(const std::vector<rooms::ConsumerState>& consumers) {
    uint64_t bytes = 0;
    uint64_t packets = 0;
    size_t live_count = 0;
    for (const auto& consumer : consumers) {
        bytes += consumer.stats.bytes;
        packets += consumer.stats.packets;
        live_count += live(consumer);
    }
    return object({{"consumeTransportCount", std::to_string(live_count)},
                   {"bytesSent", std::to_string(bytes)},
                   {"packetsSent", std::to_string(packets)},
                   {"transports", list(consumers, [](const rooms::ConsumerState& consumer) {
                        return object({{"producerUserId", quoted(consumer.producer_user_id)},
                                       {"state", state_json(consumer.stats)},
                                       {"bytesSent", std::to_string(consumer.stats.bytes)},
                                       {"packetsSent", std::to_string(consumer.stats.packets)},
                                       {"express", boolean(consumer.stats.express)},
                                       {"tracks", tracks_json(consumer.stats)}});
                    })}});
}

}  // namespace

std::string to_json(const rooms::Entered& entered) {
    const auto& user = entered.user;
    return object({{"roomId", quoted(entered.room_id)},
                   {"userId", user ? std::optional(quoted(user->user_id)) : std::nullopt},
                   {"users", list(entered.users, user_json)},
                   {"userInfo", user ? std::optional(user->user_info) : std::nullopt}});
}

std::string user_to_json(const rooms::Entered& entered) {
    return object({{"userId", quoted(entered.user->user_id)},
                   {"userInfo", entered.user->user_info},
                   {"users", list(entered.users, user_json)}});
}

std::string to_json(const rooms::Produced& produced) {
    return object({{"answer", session("answer", produced.answer)},
                   {"userId", quoted(produced.user_id)},
                   {"userInfo", produced.user_info},
                   {"constraints", constraints_json(produced.constraints)},
                   {"outbound", outbound_json(produced.outbound)}});
}

std::string stopped_to_json(const rooms::Left& left) {
    return object({{"userId", quoted(left.user_id)},
                   {"userInfo", left.user_info},
                   {"constraints", constraints_json({})},
                   {"outbound", outbound_json(left.outbound)}});
}

std::string left_to_json(const rooms::Left& left) {
    return object({{"userId", quoted(left.user_id)},
                   {"userInfo", left.user_info},
                   {"outbound", outbound_json(left.outbound)}});
}

std::string connected_to_json(const Ok&) {
    return object({{"status", quoted("connected")}});
}

std::string offer_to_json(const std::string& sdp) {
    return object({{"offer", session("offer", sdp)}});
}

std::string to_json(const std::vector<rooms::RoomSummary>& rooms) {
    return object({{"rooms", list(rooms, [](const rooms::RoomSummary& room) {
                        return object({{"roomId", quoted(room.room_id)},
                                       {"users", std::to_string(room.users)},
                                       {"producers", std::to_string(room.producers)},
                                       {"consumers", std::to_string(room.consumers)}});
                    })}});
}

std::string to_json(const rooms::RoomState& room) {
    const auto producer = [](const rooms::UserState& user) -> std::optional<std::string> {
        if (!user.producer)
            return std::nullopt;
        return object({{"state", state_json(user.producer->stats)},
                       {"constraints", constraints_json(user.producer->constraints)}});
    };
    const auto consumer = [](const rooms::ConsumerState& state) {
        return object(
            {{"producerUserId", quoted(state.producer_user_id)}, {"state", state_json(state.stats)}});
    };
    return object({{"roomId", quoted(room.room_id)},
                   {"users", list(room.users, [&](const rooms::UserState& user) {
                        return object({{"userId", quoted(user.user_id)},
                                       {"userInfo", user.user_info},
                                       {"producer", producer(user)},
                                       {"consumers", list(user.consumers, consumer)}});
                    })}});
}

std::string to_json(const media::BranchState& branch) {
    const auto maybe = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(quoted(text));
    };
    return object(
        {{"name", quoted(branch.name)},
         {"pipeline", quoted(branch.pipeline)},
         {"state", quoted(media::to_string(branch.phase))},
         {"started", maybe(branch.started)},
         {"durationMs", std::to_string(branch.duration_ms)},
         {"packets", std::to_string(branch.packets)},
         {"bytes", std::to_string(branch.bytes)},
         {"dropped", std::to_string(branch.dropped)},
         {"queuedBytes", std::to_string(branch.queued_bytes)},
         {"files", list(branch.files, [](const std::string& file) { return quoted_valid(file); })},
         {"error", branch.error.empty() ? std::nullopt : std::optional(quoted_valid(branch.error))}});
}

std::string to_json(const std::vector<media::BranchState>& branches) {
    return object(
        {{"branches", list(branches, [](const media::BranchState& branch) { return to_json(branch); })}});
}

std::string to_json(const std::vector<rooms::PipelineState>& pipelines) {
    const auto leg = [](const rooms::PipelineState::Leg& consumer) {
        return object({{"userId", quoted(consumer.user_id)},
                       {"state", state_json(consumer.stats)},
                       {"packetsSent", std::to_string(consumer.stats.packets)},
                       {"bytesSent", std::to_string(consumer.stats.bytes)},
                       {"express", boolean(consumer.stats.express)},
                       {"tracks", tracks_json(consumer.stats)}});
    };
    const auto pipeline = [&](const rooms::PipelineState& state) {
        return object({{"roomId", quoted(state.room_id)},
                       {"userId", quoted(state.user_id)},
                       {"state", state_json(state.stats)},
                       {"packetsReceived", std::to_string(state.stats.packets)},
                       {"bytesReceived", std::to_string(state.stats.bytes)},
                       {"tracks", tracks_json(state.stats)},
                       {"consumers", list(state.consumers, leg)},
                       {"branches", list(state.branches,
                                         [](const media::BranchState& branch) { return to_json(branch); })}});
    };
    return object({{"pipelines", list(pipelines, pipeline)}});
}

std::string stats_to_json(const rooms::RoomState& room) {
    return object({{"users", list(room.users, [](const rooms::UserState& user) {
                        return object({{"userId", quoted(user.user_id)},
                                       {"produce",
                                        user.producer ? producer_stats_json(*user.producer) : boolean(false)},
                                       {"consume", consumer_stats_json(user.consumers)}});
                    })}});
}

}  // namespace sluice::http
