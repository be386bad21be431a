#include "base/json.h"
#include "sfuload/signalling.h"

namespace sluice::load {
namespace {

std::string room_path(const std::string& room) {
    return "/rooms/" + uri_escaped(room);
}

std::string user_path(const std::string& room, const std::string& user) {
    return room_path(room) + "/users/" + uri_escaped(user);
}

std::string description(const char* type, const std::string& sdp) {
    return json::object({{"type", json::quoted(type)}, {"sdp", json::quoted(sdp)}});
}

/// Of "users" and of "outbound": those that have one.
std::vector<Signalling::Offer> offers_in(JsonArray* users) {
    std::vector<Signalling::Offer> offers;
    for (guint i = 0; users && i < json_array_get_length(users); i++) {
        JsonObject* user = json_array_get_object_element(users, i);
        if (JsonObject* offer = object_member(user, "offer"))
            offers.push_back({string_member(user, "userId"), string_member(offer, "sdp")});
    }
    return offers;
}

class SluiceSignalling final : public Signalling {
public:
    explicit SluiceSignalling(HttpClient::Target target) : target_(std::move(target)) {}

    Status create_room(const std::string& room) override {
        return done(call("create room", "POST", room_path(room), "{}"));
    }

    Result<std::vector<Offer>> join(const std::string& room, const std::string& user) override {
        const auto joined = call("join", "POST", user_path(room, user), "{}");
        if (!joined)
            return joined.error();
        return offers_in(array_member(json_node_get_object(joined->get()), "users"));
    }

    Result<Produced> produce(const std::string& room, const std::string& user,
                             const std::string& offer) override {
        const auto produced = call("produce", "POST", user_path(room, user) + "/produce",
                                   json::object({{"offer", description("offer", offer)}}));
        if (!produced)
            return produced.error();
        JsonObject* object = json_node_get_object(produced->get());
        return Produced{string_member(object_member(object, "answer"), "sdp"),
                        offers_in(array_member(object, "outbound"))};
    }

    Result<std::string> subscribe(const std::string&, const std::string& user,
                                  const std::string& producer) override {
        return Error{ErrorCode::Internal, "the server made no offer of " + producer + " for " + user};
    }

    Status consume(const std::string& room, const std::string& user, const std::string& producer,
                   const std::string& answer) override {
        return done(call("consume", "POST", user_path(room, user) + "/consume",
                         json::object({{"producerUserId", json::quoted(producer)},
                                       {"answer", description("answer", answer)}})));
    }

    Status leave(const std::string& room, const std::string& user) override {
        return done(call("leave", "DELETE", user_path(room, user), ""));
    }

    Status delete_room(const std::string& room) override {
        return done(call("delete room", "DELETE", room_path(room), ""));
    }

private:
    static Status done(const Result<Json>& result) {
        if (!result)
            return result.error();
        return Ok{};
    }

    Result<Json> call(const char* name, const char* method, const std::string& path,
                      const std::string& body) {
        const peer::Time begin = peer::now();
        auto result = client(target_).call(method, path, body);
        if (result)
            times_.add(name, peer::now() - begin);
        return result;
    }

    HttpClient::Target target_;
};

}  // namespace

std::unique_ptr<Signalling> make_sluice_signalling(HttpClient::Target target) {
    return std::make_unique<SluiceSignalling>(std::move(target));
}

}  // namespace sluice::load
