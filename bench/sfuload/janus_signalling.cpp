#include <atomic>

#include "base/json.h"
#include "sfuload/jobs.h"
#include "sfuload/signalling.h"

namespace sluice::load {
namespace {

using namespace std::chrono_literals;

constexpr peer::Time kEventLimit = 30s;
constexpr peer::Time kFeedLimit = 5s;
constexpr peer::Time kFeedRetry = 10ms;

using Member = std::pair<std::string_view, std::optional<std::string>>;

/// Janus wants its ids as numbers.
class Numbers {
public:
    std::string of(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        return std::to_string(numbers_.emplace(name, 1000 + numbers_.size()).first->second);
    }

private:
    std::mutex mutex_;
    std::map<std::string, size_t> numbers_;
};

/// "" if the event is none of the plugin's complaints.
std::string complaint_of(JsonObject* event) {
    return string_member(object_member(object_member(event, "plugindata"), "data"), "error");
}

/// One session for each user, one handle for each of its connections.
class JanusSignalling final : public Signalling {
public:
    JanusSignalling(HttpClient::Target target, int publishers)
        : target_(std::move(target)), publishers_(publishers) {}

    Status create_room(const std::string& room) override {
        const auto session = create_session();
        if (!session)
            return session.error();
        const auto handle = attach(*session);
        if (!handle)
            return handle.error();
        // bitrate 0: no limit told to the publishers.
        const auto created = message("create room", *session, *handle,
                                     json::object({{"request", json::quoted("create")},
                                                   {"room", rooms_.of(room)},
                                                   {"publishers", std::to_string(publishers_)},
                                                   {"bitrate", "0"},
                                                   {"audiocodec", json::quoted("opus")},
                                                   {"videocodec", json::quoted("vp8")},
                                                   {"notify_joining", "false"}}),
                                     {});
        if (!created)
            return created.error();
        const std::scoped_lock lock(mutex_);
        room_handles_[room] = {*session, *handle};
        return Ok{};
    }

    Result<std::vector<Offer>> join(const std::string& room, const std::string& user) override {
        const auto session = create_session();
        if (!session)
            return session.error();
        const std::scoped_lock lock(mutex_);
        sessions_[room + "/" + user] = *session;
        return std::vector<Offer>();
    }

    Result<Produced> produce(const std::string& room, const std::string& user,
                             const std::string& offer) override {
        const std::string session = session_of(room, user);
        const auto handle = attach(session);
        if (!handle)
            return handle.error();
        const auto event = message("produce", session, *handle,
                                   json::object({{"request", json::quoted("joinandconfigure")},
                                                 {"ptype", json::quoted("publisher")},
                                                 {"room", rooms_.of(room)},
                                                 {"id", users_.of(user)}}),
                                   description("offer", offer));
        if (!event)
            return event.error();
        JsonObject* object = json_node_get_object(event->get());
        return Produced{string_member(object_member(object, "jsep"), "sdp"), {}};
    }

    Result<std::string> subscribe(const std::string& room, const std::string& user,
                                  const std::string& producer) override {
        const std::string session = session_of(room, user);
        const auto handle = attach(session);
        if (!handle)
            return handle.error();
        {
            const std::scoped_lock lock(mutex_);
            subscriptions_[room + "/" + user + "/" + producer] = *handle;
        }
        const std::string stream = json::object({{"feed", users_.of(producer)}});
        const std::string body = json::object({{"request", json::quoted("join")},
                                               {"ptype", json::quoted("subscriber")},
                                               {"room", rooms_.of(room)},
                                               {"streams", json::array({stream})}});
        // A feed appears in the plugin a little after its DTLS is through, and Janus says so to nobody but
        // publishers.
        for (const peer::Time limit = peer::now() + kFeedLimit;;) {
            const auto event = message("subscribe", session, *handle, body, {});
            if (event)
                return string_member(object_member(json_node_get_object(event->get()), "jsep"), "sdp");
            if (event.error().message.find("No such feed") == std::string::npos || peer::now() > limit)
                return event.error();
            if (!sleep_for(kFeedRetry))
                return event.error();
        }
    }

    Status consume(const std::string& room, const std::string& user, const std::string& producer,
                   const std::string& answer) override {
        const std::string session = session_of(room, user);
        std::string handle;
        {
            const std::scoped_lock lock(mutex_);
            handle = subscriptions_[room + "/" + user + "/" + producer];
        }
        return done(message("consume", session, handle,
                            json::object({{"request", json::quoted("start")}, {"room", rooms_.of(room)}}),
                            description("answer", answer)));
    }

    Status leave(const std::string& room, const std::string& user) override {
        return done(request("leave", "/" + session_of(room, user), {{"janus", json::quoted("destroy")}}));
    }

    Status delete_room(const std::string& room) override {
        std::pair<std::string, std::string> made;
        {
            const std::scoped_lock lock(mutex_);
            made = room_handles_[room];
        }
        if (auto deleted =
                message("delete room", made.first, made.second,
                        json::object({{"request", json::quoted("destroy")}, {"room", rooms_.of(room)}}), {});
            !deleted)
            return deleted.error();
        return done(request("leave", "/" + made.first, {{"janus", json::quoted("destroy")}}));
    }

private:
    static Status done(const Result<Json>& result) {
        if (!result)
            return result.error();
        return Ok{};
    }

    static std::string description(const char* type, const std::string& sdp) {
        return json::object({{"type", json::quoted(type)}, {"sdp", json::quoted(sdp)}, {"trickle", "false"}});
    }

    std::string session_of(const std::string& room, const std::string& user) {
        const std::scoped_lock lock(mutex_);
        return sessions_[room + "/" + user];
    }

    Result<std::string> create_session() {
        return id_of(request("join", "", {{"janus", json::quoted("create")}}));
    }

    Result<std::string> attach(const std::string& session) {
        return id_of(
            request("attach", "/" + session,
                    {{"janus", json::quoted("attach")}, {"plugin", json::quoted("janus.plugin.videoroom")}}));
    }

    static Result<std::string> id_of(const Result<Json>& result) {
        if (!result)
            return result.error();
        JsonObject* data = object_member(json_node_get_object(result->get()), "data");
        return std::to_string(data ? json_object_get_int_member_with_default(data, "id", 0) : 0);
    }

    /// A request of which Janus says at once whether it is done.
    Result<Json> request(const char* name, const std::string& path, std::vector<Member> members) {
        const peer::Time begin = peer::now();
        auto result = post(path, std::move(members), next_transaction());
        if (result)
            times_.add(name, peer::now() - begin);
        return result;
    }

    /// A request to the plugin: the answer comes at once, or as an event with the request's transaction.
    Result<Json> message(const char* name, const std::string& session, const std::string& handle,
                         const std::string& body, std::optional<std::string> jsep) {
        const peer::Time begin = peer::now();
        const std::string transaction = next_transaction();
        auto answer = post("/" + session + "/" + handle,
                           {{"janus", json::quoted("message")}, {"body", body}, {"jsep", std::move(jsep)}},
                           transaction);
        while (answer) {
            JsonObject* object = json_node_get_object(answer->get());
            const std::string kind = string_member(object, "janus");
            if (const std::string complaint = complaint_of(object); !complaint.empty())
                return Error{ErrorCode::Internal, "Janus: " + complaint};
            if (kind == "success" ||
                (kind == "event" && string_member(object, "transaction") == transaction)) {
                times_.add(name, peer::now() - begin);
                return answer;
            }
            if (peer::now() - begin > kEventLimit)
                return Error{ErrorCode::Timeout, "Janus: no event came for 30 s"};
            answer = checked(client(target_).call("GET", "/" + session, ""));
        }
        return answer;
    }

    Result<Json> post(const std::string& path, std::vector<Member> members, const std::string& transaction) {
        std::string text = "{\"transaction\":" + json::quoted(transaction);
        for (const auto& [name, value] : members)
            if (value)
                text += "," + json::quoted(name) + ":" + *value;
        return checked(client(target_).call("POST", path, text + "}"));
    }

    static Result<Json> checked(Result<Json> result) {
        if (!result)
            return result;
        JsonObject* object = json_node_get_object(result->get());
        if (string_member(object, "janus") == "error")
            return Error{ErrorCode::Internal,
                         "Janus: " + string_member(object_member(object, "error"), "reason")};
        return result;
    }

    std::string next_transaction() { return std::to_string(++transactions_); }

    HttpClient::Target target_;
    int publishers_;
    std::atomic<unsigned> transactions_ = 0;
    Numbers rooms_, users_;
    std::mutex mutex_;
    std::map<std::string, std::string> sessions_;       ///< By "room/user".
    std::map<std::string, std::string> subscriptions_;  ///< Handles, by "room/user/producer".
    std::map<std::string, std::pair<std::string, std::string>> room_handles_;
};

}  // namespace

std::unique_ptr<Signalling> make_janus_signalling(HttpClient::Target target, int publishers) {
    return std::make_unique<JanusSignalling>(std::move(target), publishers);
}

}  // namespace sluice::load
