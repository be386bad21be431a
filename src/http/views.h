#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "rooms/rooms.h"

/// What rooms/ answers, as the JSON of the REST contract (docs/api/openapi.yaml).
namespace sluice::http {

std::string to_json(const rooms::Entered& entered);       ///< A room with or without a user of one's own.
std::string user_to_json(const rooms::Entered& entered);  ///< The user alone.
std::string to_json(const rooms::Produced& produced);
std::string stopped_to_json(const rooms::Left& left);
std::string left_to_json(const rooms::Left& left);
std::string connected_to_json(const Ok&);
std::string offer_to_json(const std::string& sdp);
std::string to_json(const std::vector<rooms::RoomSummary>& rooms);
std::string to_json(const rooms::RoomState& room);
std::string to_json(const media::BranchState& branch);
std::string to_json(const std::vector<media::BranchState>& branches);
std::string to_json(const std::vector<rooms::PipelineState>& pipelines);
std::string stats_to_json(const rooms::RoomState& room);

}  // namespace sluice::http
