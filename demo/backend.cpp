#include "backend.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace demo {
namespace {

constexpr guint64 kMessageLimitBytes = 65536;  // an offer takes some 20 KiB
constexpr std::ptrdiff_t kBracketLimit = 1000;
constexpr guint kPingSeconds = 20;
constexpr gushort kCloseUnknown = 4404;  // of those left to applications

std::string new_id() {
    g_autofree char* id = g_uuid_string_random();
    return id;
}

std::string path_of(const std::string& room) {
    g_autofree char* escaped = g_uri_escape_string(room.c_str(), nullptr, FALSE);
    return std::string("/rooms/") + escaped;
}

std::string path_of(const User& user) {
    return path_of(user.room) + "/users/" + user.id;
}

bool is_open(const User& user) {
    return soup_websocket_connection_get_state(user.socket) == SOUP_WEBSOCKET_STATE_OPEN;
}

/// Not on the way in or out.
bool is_in(const User& user) {
    return user.joined && is_open(user);
}

/// Without a look at what is a string and what is not: json-glib has its own opinion of that.
std::ptrdiff_t count_brackets(const char* text, size_t size) {
    return std::count_if(text, text + size, [](char c) { return c == '[' || c == '{'; });
}

void send(const User& user, const Json& message) {
    if (is_open(user))
        soup_websocket_connection_send_text(user.socket, to_text(message).c_str());
}

}  // namespace

User::User(SoupWebsocketConnection* s)
    : id(new_id()), socket(static_cast<SoupWebsocketConnection*>(g_object_ref(s))) {}

User::~User() {
    g_object_unref(socket);
}

Backend::Backend(Sluice& sluice) : sluice_(sluice) {}

// A real backend would look at its own session here: who is this, and which rooms are theirs?
void Backend::on_open(SoupWebsocketConnection* socket) {
    soup_websocket_connection_set_max_incoming_payload_size(socket, kMessageLimitBytes);
    soup_websocket_connection_set_keepalive_interval(socket, kPingSeconds);
    users_.emplace(socket, std::make_shared<User>(socket));
    const auto on_message = [](SoupWebsocketConnection* from, int type, GBytes* bytes, Backend* self) {
        self->on_message(self->users_.at(from), type, bytes);
    };
    const auto on_closed = [](SoupWebsocketConnection* from, Backend* self) {
        self->on_closed(self->users_.extract(from).mapped());
    };
    g_signal_connect(socket, "message", G_CALLBACK(+on_message), this);
    g_signal_connect(socket, "closed", G_CALLBACK(+on_closed), this);
}

void Backend::on_message(const UserPtr& user, int type, GBytes* bytes) {
    size_t size = 0;
    const auto* text = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    Request request{user, 0, nullptr};
    if (const auto brackets = count_brackets(text, size); brackets > kBracketLimit)
        return answer(request, problem(400, "Bad Request",
                                       "the message has " + std::to_string(brackets) + " opening brackets; " +
                                           std::to_string(kBracketLimit) + " are allowed"));
    if (type == SOUP_WEBSOCKET_DATA_TEXT)
        request.body = parse(text, size);
    if (!request.body)
        return answer(request, problem(400, "Bad Request", "the message is not a JSON object"));
    request.id = json_object_get_int_member_with_default(request.body.get(), "id", 0);
    const std::string call = string_of(request.body.get(), "type");
    json_object_remove_member(request.body.get(), "id");
    json_object_remove_member(request.body.get(), "type");

    if (call == "join")
        join(request);
    else if (user->room.empty())
        answer(request, problem(409, "Conflict", "join a room first"));
    else if (call == "produce")
        produce(request);
    else if (call == "stop")
        stop(request);
    else if (call == "consume")
        consume(request);
    else
        answer(request, problem(400, "Bad Request", "there is no message of type \"" + call + "\""));
}

/// One call makes the room, if need be, and adds the user. Its answer lists the others, with an offer for
/// each who is producing; the page answers them by `consume`.
void Backend::join(const Request& request) {
    const auto& user = request.user;
    const std::string room = string_of(request.body.get(), "room");
    if (!user->room.empty())
        return answer(request, problem(409, "Conflict", "already in the room \"" + user->room + "\""));
    if (room.empty())
        return answer(request, problem(400, "Bad Request", "a room needs a name"));

    // Nobody is here, so whoever sluice still has in this room was left behind by a crash of this program.
    if (!rooms_.contains(room))
        sluice_.call(room, "DELETE", path_of(room), nullptr, [](const Reply&) {});
    rooms_[room].emplace(user->id, user);
    user->room = room;

    const Json body = new_json();
    json_object_set_string_member(body.get(), "userId", user->id.c_str());
    copy(request.body.get(), "userInfo", body.get());
    sluice_.call(room, "POST", path_of(room), body, [this, request, room](const Reply& reply) {
        answer(request, reply);
        if (!reply.ok)
            return forget(request.user);
        request.user->joined = true;
        const JsonList others = take_list(reply.body.get(), "users");
        tell(room, others, "joined", reply.body);
    });
}

/// The answer goes to the producer, and each offer in `outbound` to the browser that it was made for. With
/// `constraints` alone there is neither: everybody just learns what is muted.
void Backend::produce(const Request& request) {
    const std::string room = request.user->room;
    sluice_.call(room, "POST", path_of(*request.user) + "/produce", request.body,
                 [this, request, room](const Reply& reply) {
                     tell(room, take_list(reply.body.get(), "outbound"), "producer", reply.body);
                     answer(request, reply);
                 });
}

void Backend::stop(const Request& request) {
    const std::string room = request.user->room;
    sluice_.call(room, "DELETE", path_of(*request.user) + "/produce", nullptr,
                 [this, request, room](const Reply& reply) {
                     tell(room, take_list(reply.body.get(), "outbound"), "stopped", reply.body);
                     answer(request, reply);
                 });
}

/// A browser's answer to an offer. Nobody else hears of it, so it only has to keep its order among this
/// user's own. Without `answer` it asks for a fresh offer, because the connection was lost.
void Backend::consume(const Request& request) {
    sluice_.call(request.user->id, "POST", path_of(*request.user) + "/consume", request.body,
                 [this, request](const Reply& reply) { answer(request, reply); });
}

void Backend::on_closed(const UserPtr& user) {
    if (user->room.empty())
        return;
    const std::string room = user->room;
    sluice_.call(room, "DELETE", path_of(*user), nullptr, [this, user, room](const Reply& reply) {
        tell(room, take_list(reply.body.get(), "outbound"), "left", reply.body);
        forget(user);
    });
}

void Backend::answer(const Request& request, const Reply& reply) {
    json_object_set_string_member(reply.body.get(), "type", reply.ok ? "reply" : "error");
    json_object_set_int_member(reply.body.get(), "id", request.id);
    send(*request.user, reply.body);
    // It is not a member of the body that is unknown, but the room or the user, who were there before (one on
    // the way in or out was not, or is no more): sluice has been started anew, or the room was deleted.
    const auto status = json_object_get_int_member_with_default(reply.body.get(), "status", 0);
    const bool unknown =
        !reply.ok && status == SOUP_STATUS_NOT_FOUND && !json_object_has_member(reply.body.get(), "field");
    if (unknown && is_in(*request.user))
        begin_again(request.user->room);
}

/// Sends each of `users` (sluice's list of who must be told) the news of the user whom `about` describes.
void Backend::tell(const std::string& room, const JsonList& users, const std::string& type,
                   const Json& about) {
    const auto here = rooms_.find(room);
    if (here == rooms_.end())
        return;
    for (guint i = 0; i < json_array_get_length(users.get()); i++) {
        JsonObject* to = json_array_get_object_element(users.get(), i);
        const auto user = here->second.find(string_of(to, "userId"));
        if (user == here->second.end())
            continue;
        const Json news = new_json();
        json_object_set_string_member(news.get(), "type", type.c_str());
        for (const char* member : {"userId", "userInfo", "constraints"})
            copy(about.get(), member, news.get());
        if (type == "producer")  // the entries of a join have offers too, but for the one who joined
            for (const char* member : {"offer", "error"}) copy(to, member, news.get());
        send(*user->second, news);
    }
}

/// A page whose WebSocket is closed joins the room anew. Those who are on their way in already do.
void Backend::begin_again(const std::string& room) {
    const auto here = rooms_.find(room);
    if (here == rooms_.end())
        return;
    for (const auto& [id, user] : here->second)
        if (is_in(*user))
            soup_websocket_connection_close(user->socket, kCloseUnknown, nullptr);
}

void Backend::forget(const UserPtr& user) {
    const auto room = rooms_.find(user->room);
    if (room == rooms_.end())
        return;
    room->second.erase(user->id);
    if (room->second.empty())
        rooms_.erase(room);
    user->room.clear();
}

void Backend::close(const std::function<void()>& done) {
    if (rooms_.empty())
        return done();
    const auto left = std::make_shared<size_t>(rooms_.size());
    for (const auto& [room, users] : rooms_)
        sluice_.call(room, "DELETE", path_of(room), nullptr, [left, done](const Reply&) {
            if (--*left == 0)
                done();
        });
}

}  // namespace demo
