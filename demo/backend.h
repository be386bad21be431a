#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <libsoup/soup.h>

#include "json.h"
#include "sluice.h"

namespace demo {

/// One browser: a WebSocket and, once it has joined, a place in a room.
struct User {
    explicit User(SoupWebsocketConnection* socket);
    ~User();
    User(const User&) = delete;
    User& operator=(const User&) = delete;

    const std::string id;                   ///< Made here, and unique per connection, as sluice asks for.
    SoupWebsocketConnection* const socket;  ///< A reference of its own.
    std::string room;                       ///< Empty: in none.
    bool joined = false;                    ///< sluice has let them in.
};
using UserPtr = std::shared_ptr<User>;

/// All that a backend does for sluice: it carries offers, answers and news between browsers and the REST API.
///
/// A message from a page is `{ type, id, ... }`: `type` names the call and the rest is its REST body. The
/// answer is `{ type: "reply", id, ... }` with what sluice said, or
/// `{ type: "error", id, status, title, detail, field? }`.
///
///   join     { room, userInfo }            POST   /rooms/ROOM            { userId, userInfo }
///   produce  { offer?, constraints? }      POST   .../users/ID/produce
///   stop     { }                           DELETE .../users/ID/produce
///   consume  { producerUserId, answer? }   POST   .../users/ID/consume
///   (the WebSocket closes)                 DELETE .../users/ID
///
/// News of another user is `{ type, userId, userInfo, ... }`: "joined"; "producer" with `constraints` and, if
/// there is something to answer, an `offer`, or `error` where none could be made; "stopped"; "left".
class Backend {
public:
    explicit Backend(Sluice& sluice);

    void on_open(SoupWebsocketConnection* socket);
    /// Deletes all rooms; `done` when sluice has answered.
    void close(const std::function<void()>& done);

private:
    struct Request {
        UserPtr user;
        gint64 id = 0;
        Json body;
    };
    using Room = std::map<std::string, UserPtr>;

    void on_message(const UserPtr& user, int type, GBytes* bytes);
    void on_closed(const UserPtr& user);
    void join(const Request& request);
    void produce(const Request& request);
    void stop(const Request& request);
    void consume(const Request& request);
    void answer(const Request& request, const Reply& reply);
    void tell(const std::string& room, const JsonList& users, const std::string& type, const Json& about);
    void begin_again(const std::string& room);
    void forget(const UserPtr& user);

    Sluice& sluice_;
    std::map<SoupWebsocketConnection*, UserPtr> users_;  ///< Everyone who has a WebSocket.
    std::map<std::string, Room> rooms_;                  ///< No room is empty.
};

}  // namespace demo
