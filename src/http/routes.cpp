#include "http/routes.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/field_reader.h"
#include "base/json.h"
#include "http/graphviz.h"
#include "http/ids.h"
#include "http/metrics.h"
#include "http/views.h"

namespace sluice::http {
namespace {

constexpr size_t kMaxUserInfoBytes = 16 << 10;

using rooms::Rooms;

/// The answer of rooms/, as JSON, to the one who asked. What can only be the fault of an SDP is laid to
/// `sdp_field`.
template <typename T>
Done<T> answered(const Reply& reply, std::string (*to_text)(const T&), const char* sdp_field = "") {
    return Done<T>(
        [reply, to_text, sdp_field](Result<T> result) {
            if (result)
                return reply(to_text(*result));
            Error error = result.error();
            const bool sdp =
                error.code == ErrorCode::InvalidArgument || error.code == ErrorCode::Unacceptable;
            if (sdp && error.field.empty())
                error.field = sdp_field;
            reply(error);
        },
        [reply] { return reply.wanted(); });
}

/// Reads the body by `read`, which takes the members it knows; any other member is refused.
template <typename T>
Result<T> read_body(std::string_view text, T (*read)(FieldReader&)) {
    auto body = json::parse(text.empty() ? "{}" : text);
    if (!body)
        return Error{ErrorCode::InvalidArgument, "the body is not acceptable JSON: " + body.error().message};
    FieldReader fields(*std::move(body));
    T result = read(fields);
    if (auto status = fields.finish(); !status)
        return status.error();
    return result;
}

/// What a route does that takes no body; one is an error of the caller's, unless it has no members.
template <void (*Handle)(Rooms& rooms, const Call& call, const Reply& reply)>
void without_body(Rooms& rooms, const Call& call, const Reply& reply) {
    if (auto body = read_body<Ok>(call.body, [](FieldReader&) { return Ok{}; }); !body)
        return reply(body.error());
    Handle(rooms, call, reply);
}

std::optional<std::string> read_id(FieldReader& fields, const char* name) {
    auto id = fields.id(name);
    if (id)
        if (auto fault = fault_of_id(*id))
            fields.fail(name, *fault);
    return id;
}

std::optional<std::string> read_session(FieldReader& fields, const char* type) {
    auto session = fields.object(type);
    if (!session)
        return std::nullopt;
    if (session->string("type") != type)
        session->fail("type", std::string("must be \"") + type + "\"");
    std::string sdp = session->string("sdp");
    (void)session->finish();
    return sdp;
}

rooms::UserInfo read_user_info(FieldReader& fields) {
    return fields.text("userInfo", kMaxUserInfoBytes).value_or("{}");
}

void create_room(Rooms& rooms, const Call& call, const Reply& reply) {
    auto user = read_body<std::optional<rooms::NewUser>>(
        call.body, [](FieldReader& fields) -> std::optional<rooms::NewUser> {
            auto user_id = read_id(fields, "userId");
            if (!user_id && fields.has("userInfo"))
                fields.fail("userInfo", "needs userId, which is missing");
            auto user_info = read_user_info(fields);
            if (!user_id)
                return std::nullopt;
            return rooms::NewUser{std::move(*user_id), std::move(user_info)};
        });
    if (!user)
        return reply(user.error());
    auto room_id = call.room_id.empty() ? std::nullopt : std::optional(call.room_id);
    rooms.create(std::move(room_id), std::move(*user), answered<rooms::Entered>(reply, to_json));
}

void add_user(Rooms& rooms, const Call& call, const Reply& reply) {
    auto user_info = read_body(call.body, read_user_info);
    if (!user_info)
        return reply(user_info.error());
    rooms.add_user(call.room_id, {call.user_id, std::move(*user_info)},
                   answered<rooms::Entered>(reply, user_to_json));
}

struct ProduceBody {
    std::optional<std::string> offer;
    rooms::RequestedConstraints constraints;
};

ProduceBody read_produce(FieldReader& fields) {
    ProduceBody body;
    body.offer = read_session(fields, "offer");
    if (auto constraints = fields.object("constraints")) {
        body.constraints.audio = constraints->boolean("audio");
        body.constraints.video = constraints->boolean("video");
        (void)constraints->finish();
    } else if (!body.offer) {
        fields.fail("offer", "is missing, and so is constraints: one of the two is required");
    }
    return body;
}

void produce(Rooms& rooms, const Call& call, const Reply& reply) {
    auto body = read_body(call.body, read_produce);
    if (!body)
        return reply(body.error());
    rooms.produce(call.room_id, call.user_id, std::move(body->offer), body->constraints,
                  answered<rooms::Produced>(reply, to_json, "offer.sdp"));
}

struct ConsumeBody {
    std::string producer_user_id;
    std::optional<std::string> answer;
};

ConsumeBody read_consume(FieldReader& fields) {
    auto producer_user_id = read_id(fields, "producerUserId");
    if (!producer_user_id)
        fields.fail("producerUserId", "is required");
    return {producer_user_id.value_or(""), read_session(fields, "answer")};
}

void consume(Rooms& rooms, const Call& call, const Reply& reply) {
    auto body = read_body(call.body, read_consume);
    if (!body)
        return reply(body.error());
    if (body->answer)
        rooms.consume(call.room_id, call.user_id, body->producer_user_id, std::move(*body->answer),
                      answered<Ok>(reply, connected_to_json, "answer.sdp"));
    else
        rooms.reoffer(call.room_id, call.user_id, body->producer_user_id,
                      answered<std::string>(reply, offer_to_json));
}

/// { parameters?: { NAME: text or whole number } }
media::BranchParameters read_parameters(FieldReader& fields) {
    constexpr size_t kMaxBytes = 16 << 10;
    media::BranchParameters parameters;
    const auto text = fields.text("parameters", kMaxBytes);
    if (!text)
        return parameters;
    const auto object = json::parse(*text);
    if (!object || object->kind != json::Kind::Object) {
        fields.fail("parameters",
                    object ? "must be an object" : "is not acceptable JSON: " + object.error().message);
        return parameters;
    }
    for (const auto& [name, value] : object->members) {
        long number = 0;
        const char* end = value.text.data() + value.text.size();
        if (const auto string = json::decoded(value))
            parameters[name] = *string;
        else if (const auto read = std::from_chars(value.text.data(), end, number);
                 value.kind == json::Kind::Number && read.ec == std::errc() && read.ptr == end)
            parameters[name] = number;
        else
            fields.fail("parameters." + name, "must be a string or a whole number");
    }
    return parameters;
}

void begin_branch(Rooms& rooms, const Call& call, const Reply& reply) {
    auto parameters = read_body(call.body, read_parameters);
    if (!parameters)
        return reply(parameters.error());
    rooms.begin_branch(call.room_id, call.user_id, call.branch_name, std::move(*parameters),
                       answered<media::BranchState>(reply, to_json));
}

void end_branch(Rooms& rooms, const Call& call, const Reply& reply) {
    rooms.end_branch(call.room_id, call.user_id, call.branch_name,
                     answered<media::BranchState>(reply, to_json));
}

void list_branches(Rooms& rooms, const Call& call, const Reply& reply) {
    answered<std::vector<media::BranchState>>(reply, to_json)(rooms.branches(call.room_id, call.user_id));
}

void stop_producing(Rooms& rooms, const Call& call, const Reply& reply) {
    rooms.stop_producing(call.room_id, call.user_id, answered<rooms::Left>(reply, stopped_to_json));
}

void remove_user(Rooms& rooms, const Call& call, const Reply& reply) {
    rooms.remove_user(call.room_id, call.user_id, answered<rooms::Left>(reply, left_to_json));
}

void remove_room(Rooms& rooms, const Call& call, const Reply& reply) {
    rooms.remove(call.room_id, answered<size_t>(reply, [](const size_t& count) {
                     return json::object({{"count", std::to_string(count)}});
                 }));
}

void list_rooms(Rooms& rooms, const Call&, const Reply& reply) {
    reply(to_json(rooms.list()));
}

void describe_room(Rooms& rooms, const Call& call, const Reply& reply) {
    answered<rooms::RoomState>(reply, to_json)(rooms.describe(call.room_id));
}

void room_stats(Rooms& rooms, const Call& call, const Reply& reply) {
    answered<rooms::RoomState>(reply, stats_to_json)(rooms.describe(call.room_id));
}

void health(Rooms& rooms, const Call&, const Reply& reply) {
    reply(json::object({{"status", json::quoted(rooms.draining() ? "draining" : "ok")},
                        {"version", json::quoted(SLUICE_VERSION)}}));
}

void metrics(Rooms& rooms, const Call&, const Reply& reply) {
    reply(metrics_text(rooms.totals()));
}

void list_pipelines(Rooms& rooms, const Call&, const Reply& reply) {
    reply(to_json(rooms.pipelines()));
}

/// Draws the pipeline; `next` gets it.
void draw(Rooms& rooms, const Call& call, media::Drawing::Form form, const Done<std::string>& next) {
    if (!call.query.empty() && call.query != "all=true" && call.query != "all=false")
        return next(Error{ErrorCode::InvalidArgument,
                          "the query must be all=true or all=false, not " + std::string(call.query), "all"});
    rooms.draw(call.room_id, call.user_id, {form, call.query == "all=true"}, next);
}

void draw_text(Rooms& rooms, const Call& call, const Reply& reply) {
    draw(rooms, call, media::Drawing::Form::Text, reply);
}

void draw_dot(Rooms& rooms, const Call& call, const Reply& reply) {
    draw(rooms, call, media::Drawing::Form::Dot, reply);
}

void draw_svg(Rooms& rooms, const Call& call, const Reply& reply) {
    draw(rooms, call, media::Drawing::Form::Dot, Done<std::string>([reply](const Result<std::string>& dot) {
             if (!dot)
                 return reply(dot.error());
             svg_of(*dot, reply);
         }));
}

std::string log_json(const Rooms& rooms) {
    const auto detail = rooms.log_detail();
    const auto quoted = [](const std::optional<std::string>& id) {
        return id ? std::optional(json::quoted(*id)) : std::nullopt;
    };
    return json::object({{"threshold", json::quoted(detail.threshold)},
                         {"roomId", quoted(detail.room)},
                         {"userId", quoted(detail.user)}});
}

void show_log(Rooms& rooms, const Call&, const Reply& reply) {
    reply(log_json(rooms));
}

void set_log(Rooms& rooms, const Call& call, const Reply& reply) {
    const auto detail = read_body<media::LogDetail>(call.body, [](FieldReader& fields) {
        auto threshold = fields.string("threshold");
        auto room = read_id(fields, "roomId");
        auto user = read_id(fields, "userId");
        if (user && !room)
            fields.fail("userId", "needs roomId, which is missing");
        return media::LogDetail{std::move(threshold), std::move(room), std::move(user)};
    });
    if (!detail)
        return reply(detail.error());
    if (const auto set = rooms.set_log_detail(*detail); !set)
        return reply(set.error());
    reply(log_json(rooms));
}

constexpr std::array kRoutes{
    Route{"POST", "/rooms", create_room},
    Route{"POST", "/rooms/{roomId}", create_room},
    Route{"POST", "/rooms/{roomId}/users/{userId}", add_user},
    Route{"POST", "/rooms/{roomId}/users/{userId}/produce", produce},
    Route{"POST", "/rooms/{roomId}/users/{userId}/consume", consume},
    Route{"DELETE", "/rooms/{roomId}/users/{userId}/produce", without_body<stop_producing>},
    Route{"GET", "/rooms/{roomId}/users/{userId}/branches", without_body<list_branches>},
    Route{"POST", "/rooms/{roomId}/users/{userId}/branches/{branchName}", begin_branch},
    Route{"DELETE", "/rooms/{roomId}/users/{userId}/branches/{branchName}", without_body<end_branch>},
    Route{"DELETE", "/rooms/{roomId}/users/{userId}", without_body<remove_user>},
    Route{"DELETE", "/rooms/{roomId}", without_body<remove_room>},
    Route{"GET", "/rooms", without_body<list_rooms>},
    Route{"GET", "/rooms/{roomId}", without_body<describe_room>},
    Route{"GET", "/rooms/{roomId}/stats", without_body<room_stats>},
    Route{"GET", "/debug/pipelines", without_body<list_pipelines>},
    Route{"GET", "/debug/pipelines/{roomId}/{userId}.dot", without_body<draw_dot>, true,
          "text/vnd.graphviz; charset=utf-8"},
    Route{"GET", "/debug/pipelines/{roomId}/{userId}.svg", without_body<draw_svg>, true, "image/svg+xml"},
    Route{"GET", "/debug/pipelines/{roomId}/{userId}.txt", without_body<draw_text>, true,
          "text/plain; charset=utf-8"},
    Route{"GET", "/debug/log", without_body<show_log>},
    Route{"PUT", "/debug/log", set_log},
    Route{"GET", "/metrics", without_body<metrics>, true, "text/plain; version=0.0.4; charset=utf-8"},
    Route{"GET", "/healthz", without_body<health>, false},
};

std::vector<std::string_view> segments(std::string_view path) {
    std::vector<std::string_view> out;
    if (path.size() > 1 && path.ends_with('/'))
        path.remove_suffix(1);
    while (!path.empty()) {
        path.remove_prefix(1);
        const size_t end = std::min(path.find('/'), path.size());
        out.push_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return out;
}

std::string& id_of(Call& call, std::string_view name) {
    return name == "roomId" ? call.room_id : name == "userId" ? call.user_id : call.branch_name;
}

/// "{userId}.txt" is the id "userId" before ".txt".
struct Piece {
    std::string_view id;  ///< Empty: all of it is fixed.
    std::string_view fixed;
};

Piece piece_of(std::string_view segment) {
    if (!segment.starts_with('{'))
        return {{}, segment};
    const size_t end = segment.find('}');
    return {segment.substr(1, end - 1), segment.substr(end + 1)};
}

bool fits(const Piece& piece, std::string_view segment) {
    return piece.id.empty() ? segment == piece.fixed : segment.ends_with(piece.fixed);
}

/// Fills the ids of `match` and tells of a faulty one, when `path` has the form of `pattern`.
bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& path,
             Match& match) {
    if (pattern.size() != path.size())
        return false;
    for (size_t i = 0; i < path.size(); i++)
        if (!fits(piece_of(pattern[i]), path[i]))
            return false;
    for (size_t i = 0; i < path.size(); i++) {
        const auto piece = piece_of(pattern[i]);
        if (piece.id.empty())
            continue;
        const std::string name(piece.id);
        auto id = percent_decoded(path[i].substr(0, path[i].size() - piece.fixed.size()));
        auto fault = id ? fault_of_id(*id) : "must not contain a '%' without two hexadecimal digits";
        if (fault)
            match.fault = Error{ErrorCode::InvalidArgument, *fault, name};
        else
            id_of(match.call, name) = std::move(*id);
    }
    return true;
}

}  // namespace

std::span<const Route> routes() {
    return kRoutes;
}

Match match(std::string_view method, std::string_view path) {
    Match match;
    const auto parts = segments(path);
    for (const auto& route : kRoutes) {
        if (!matches(segments(route.pattern), parts, match))
            continue;
        match.allowed.append(match.allowed.empty() ? "" : ", ").append(route.method);
        if (route.method == method)
            match.route = &route;
    }
    return match;
}

}  // namespace sluice::http
