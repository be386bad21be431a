#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scheduler.h"
#include "media/media.h"

namespace sluice::rooms {

/// limits.* of the configuration. Reaching one answers LimitReached and changes nothing.
struct Limits {
    size_t rooms = 1000;
    size_t users_per_room = 2000;
    size_t connections = 2000;  ///< Producers' and consumers' together, those being torn down included.
};

/// What the backend said of a user, as JSON text. Opaque here: echoed as it came.
using UserInfo = std::string;

/// Another user, as somebody who enters the room is told of it.
struct UserView {
    std::string user_id;
    UserInfo user_info;
    std::optional<std::string> offer;               ///< SDP, when that user produces.
    std::optional<media::Constraints> constraints;  ///< When that user produces: the effective state.
    std::optional<std::string> error;               ///< Instead of `offer`, when it could not be made.
};

struct NewUser {
    std::string user_id;
    UserInfo user_info = "{}";
};

struct Entered {
    std::string room_id;
    std::optional<NewUser> user;
    std::vector<UserView> users;  ///< The others.
};

/// Unset: unchanged, or as in the offer.
struct RequestedConstraints {
    std::optional<bool> audio;
    std::optional<bool> video;
};

/// Somebody who must be told; `offer` or `error` where there is one for them.
struct Outbound {
    std::string user_id;
    UserInfo user_info;
    std::optional<std::string> offer;
    std::optional<std::string> error;
};

struct Produced {
    std::optional<std::string> answer;
    std::string user_id;
    UserInfo user_info;
    media::Constraints constraints;  ///< The effective state.
    std::vector<Outbound> outbound;
};

struct Left {
    std::string user_id;
    UserInfo user_info;
    std::vector<Outbound> outbound;
};

struct ProducerState {
    media::ConnectionStats stats;
    media::Constraints constraints;
};
struct ConsumerState {
    std::string producer_user_id;
    media::ConnectionStats stats;
};
struct UserState {
    std::string user_id;
    UserInfo user_info;
    std::optional<ProducerState> producer;
    std::vector<ConsumerState> consumers;  ///< This user's connections from others, live and failed.
};
struct RoomState {
    std::string room_id;
    std::vector<UserState> users;
};
/// Where the media of a user goes.
struct PipelineState {
    struct Leg {
        std::string user_id;
        media::ConnectionStats stats;
    };
    std::string room_id;
    std::string user_id;
    media::ConnectionStats stats;
    std::vector<Leg> consumers;
    std::vector<media::BranchState> branches;
};
struct RoomSummary {
    std::string room_id;
    size_t users = 0;
    size_t producers = 0;
    size_t consumers = 0;
};

/// The server as a whole.
struct Totals {
    size_t rooms = 0;
    size_t users = 0;
    size_t producers = 0;
    size_t consumers = 0;
    size_t connections = 0;  ///< That hold resources.
    size_t connections_limit = 0;
    size_t open_branches = 0;  ///< Whose files are not complete.
    ice::NetworkStats network;
};

/// All rooms of the server. Scheduler thread only; it knows no JSON, no HTTP and no GStreamer.
///
/// Calls that touch one user are carried out one at a time in the order they came; calls of different users
/// and rooms do not wait for each other. Every Done is called once, after the call has returned. A call that
/// fails leaves everything as it was, and so does one whose Done nobody waits for any more when its turn
/// comes. Every call but create() and list() answers NotFound for an unknown room or user.
///
/// A user is in the room as soon as its call's turn has come, before the offers for it are there. A step of
/// media that takes longer than 5 s is Timeout. A room made without a user stays until it is deleted or its
/// last user leaves.
class Rooms {
public:
    /// Both outlive it. Calls in hand when it goes are answered in the scheduler's next tasks.
    Rooms(Scheduler& scheduler, media::Engine& engine, Limits limits);
    ~Rooms();
    Rooms(const Rooms&) = delete;
    Rooms& operator=(const Rooms&) = delete;

    /// A room that exists is returned as it is; without `room_id` the server makes a UUID. With `user`,
    /// add_user too.
    void create(std::optional<std::string> room_id, std::optional<NewUser> user, Done<Entered> done);
    /// NotFound: no such room. AlreadyExists: the user is there already.
    void add_user(const std::string& room_id, NewUser user, Done<Entered> done);
    /// WrongState: constraints alone, also those that change nothing, from a user that is not producing.
    void produce(const std::string& room_id, const std::string& user_id, std::optional<std::string> offer,
                 RequestedConstraints constraints, Done<Produced> done);
    /// Applies the answer of `user_id` to the offer of `producer_user_id`'s media. NotFound with the field
    /// producerUserId: that user is not there or not producing. WrongState: no offer waits for an answer.
    void consume(const std::string& room_id, const std::string& user_id, const std::string& producer_user_id,
                 std::string answer, Done<Ok> done);
    /// A fresh offer (ICE restart) for that pair, also where an earlier one could not be made. NotFound as
    /// above.
    void reoffer(const std::string& room_id, const std::string& user_id, const std::string& producer_user_id,
                 Done<std::string> done);
    /// Begins and ends a branch of the user's media; end_branch() is answered when its files are complete,
    /// and no call of the user waits for that. WrongState: the user is not producing. The rest as in media.h.
    void begin_branch(const std::string& room_id, const std::string& user_id, const std::string& name,
                      media::BranchParameters parameters, Done<media::BranchState> done);
    void end_branch(const std::string& room_id, const std::string& user_id, const std::string& name,
                    Done<media::BranchState> done);
    /// Every branch of the configuration; none of a user who is not producing.
    Result<std::vector<media::BranchState>> branches(const std::string& room_id,
                                                     const std::string& user_id) const;
    void stop_producing(const std::string& room_id, const std::string& user_id, Done<Left> done);
    /// The last user's leaving deletes the room.
    void remove_user(const std::string& room_id, const std::string& user_id, Done<Left> done);
    /// The number of users removed.
    void remove(const std::string& room_id, Done<size_t> done);

    /// One for each user who produces.
    std::vector<PipelineState> pipelines() const;
    /// A picture of the pipeline of a user's media. NotFound as above, and when the user is not producing.
    void draw(const std::string& room_id, const std::string& user_id, media::Drawing drawing,
              Done<std::string> done);
    /// Of media's own log; as in media.h.
    media::LogDetail log_detail() const;
    Status set_log_detail(const media::LogDetail& detail);
    std::vector<RoomSummary> list() const;
    Result<RoomState> describe(const std::string& room_id) const;
    Totals totals() const;

    /// From now on no new room and no new user, also of calls that wait for their turn: LimitReached. The
    /// rest goes on.
    void drain();
    bool draining() const;
    /// Removes every room; for the end of the process.
    void clear();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::rooms
