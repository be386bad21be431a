#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rooms/rooms.h"

namespace sluice::http {

/// A call as its route sees it.
struct Call {
    std::string room_id;  ///< From the path, decoded; empty where the route has none.
    std::string user_id;
    std::string branch_name;
    std::string_view query;  ///< As it came, without the question mark; empty: none.
    std::string_view body;
};

/// The body of the answer with status 200 (JSON, where the route says nothing else), or what becomes a
/// problem.
using Reply = Done<std::string>;

struct Route {
    std::string_view method;
    std::string_view
        pattern;  ///< Of the path, as docs/api/openapi.yaml writes it: "/rooms/{roomId}", "/x/{userId}.txt".
    void (*handle)(rooms::Rooms& rooms, const Call& call, const Reply& reply);
    bool needs_token = true;
    std::string_view content_type = "application/json";
};

/// Every route of the server.
std::span<const Route> routes();

/// Where a request leads.
struct Match {
    const Route* route = nullptr;  ///< Null: no such path, or not with this method.
    std::string allowed;           ///< The methods that the path has, for Allow; empty: no such path.
    Call call;                     ///< The ids.
    std::optional<Error> fault;    ///< The path has an id that cannot be one.
};

/// `path` is percent-encoded, as it came: an encoded slash is a part of an id. One slash at its end counts
/// for nothing.
Match match(std::string_view method, std::string_view path);

}  // namespace sluice::http
