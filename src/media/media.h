#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "ice/network_stats.h"

/// Media as rooms/ sees it: no GStreamer type appears here. Scheduler thread only; every Done and every
/// callback runs on it, after the call that asked for it has returned, and never after the object is gone
/// (a Done that is still owed then answers an error).
namespace sluice::media {

/// Which kinds flow.
struct Constraints {
    bool audio = false;
    bool video = false;
    bool operator==(const Constraints&) const = default;
};

/// New -> Connecting -> Connected -> Failed | Closed. Failed: ICE or DTLS did not come to an end, the peer's
/// certificate was not the one of its SDP, the peer has closed it, or nothing was heard of it for
/// ice.consent-timeout. Its transport has been freed by then; the object stays to say so.
enum class ConnectionState { New, Connecting, Connected, Failed, Closed };
inline const char* to_string(ConnectionState state) {
    switch (state) {
        case ConnectionState::New:
            return "new";
        case ConnectionState::Connecting:
            return "connecting";
        case ConnectionState::Connected:
            return "connected";
        case ConnectionState::Failed:
            return "failed";
        case ConnectionState::Closed:
            return "closed";
    }
    return "unknown";
}

struct TrackStats {
    std::string mid;
    std::string kind;   ///< "audio" or "video"
    std::string codec;  ///< "opus", "VP8", "VP9", "H264", "AV1"
    bool muted = false;
    uint64_t packets = 0;
    uint64_t bytes = 0;               ///< RTP header and payload.
    uint64_t key_frame_requests = 0;  ///< Sent to the producer (producers only).
    uint64_t dropped = 0;             ///< By a closed gate or a mute.
    uint64_t retransmitted = 0;       ///< Packets sent again (consumers only).
};

/// Monotonic for the life of the connection.
struct ConnectionStats {
    ConnectionState state = ConnectionState::New;
    uint64_t packets = 0;  ///< RTP, retransmissions included.
    uint64_t bytes = 0;    ///< The same: RTP header and payload, as a browser's getStats() counts them.
    std::vector<TrackStats> tracks;
    bool express = false;  ///< RTP passes by webrtcbin (consumers only).
};

/// One producer's media on its way to one user: one webrtcbin. Destroying it closes the connection; the call
/// returns at once and the rest is freed on the tear-down thread.
class Consumer {
public:
    virtual ~Consumer() = default;

    /// A complete offer of the producer's tracks as they are now. Each offer waits for an answer of its own;
    /// a newer one may be made before that. `ice_restart` gives new ICE credentials; a failed connection is
    /// made anew, with another o= session id, by which the browser knows that it has to do the same.
    /// LimitReached: as may_connect of Engine::produce() said.
    virtual void offer(bool ice_restart, Done<std::string> done) = 0;
    /// WrongState: no offer waits. Unacceptable or InvalidArgument: the answer does not fit the oldest offer
    /// that waits; nothing has changed and another answer may follow.
    virtual void answer(std::string sdp, Done<Ok> done) = 0;

    virtual ConnectionStats stats() const = 0;
};

/// A [branch NAME] group of the configuration and what has become of it for one producer.
///
///   Idle --begun--> Waiting --media--> Running --stopped--> Ending --files complete--> Ended
///   Waiting, Running, Ending --an error--> Failed --retry-s later, if the group says so--> Waiting
enum class BranchPhase { Idle, Waiting, Running, Ending, Ended, Failed };
inline const char* to_string(BranchPhase phase) {
    switch (phase) {
        case BranchPhase::Idle:
            return "idle";
        case BranchPhase::Waiting:
            return "waiting";
        case BranchPhase::Running:
            return "running";
        case BranchPhase::Ending:
            return "ending";
        case BranchPhase::Ended:
            return "ended";
        case BranchPhase::Failed:
            return "failed";
    }
    return "unknown";
}

struct BranchState {
    std::string name;
    std::string pipeline;  ///< The template.
    BranchPhase phase = BranchPhase::Idle;
    std::string started;  ///< RFC 3339; empty: nothing has come yet.
    uint64_t duration_ms = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;              ///< RTP header and payload of them.
    uint64_t dropped = 0;            ///< Packets that the branch was too slow for.
    uint64_t queued_bytes = 0;       ///< Of packets that wait for it now.
    std::vector<std::string> files;  ///< Their names once complete; the last one may be under way.
    std::string error;               ///< Of the last failure, or why it does not fit the producer.
};

/// A picture of a pipeline as it is now.
struct Drawing {
    enum class Form {
        Dot,  ///< For graphviz.
        Text  ///< For people, after gst-launch-1.0.
    };
    Form form = Form::Text;
    bool whole = false;  ///< The insides of webrtcbins too.
};

/// Values for the holes of a template that it leaves open to a request.
using BranchParameters = std::map<std::string, std::variant<long, std::string>, std::less<>>;

/// One user's media on its way in: one pipeline, which also holds its consumers and branches.
class Producer {
public:
    virtual ~Producer() = default;  ///< Its consumers must have gone before.

    /// Answers an offer: the first one; one that continues the session (same ICE ufrag or same o= session id:
    /// tracks added, removed, ICE restart); or one that replaces the connection (page reload). An error
    /// leaves everything as it was. Consumers keep their connections and need Consumer::offer() afterwards.
    /// WrongState: another offer is still being answered; the session that the offer continues has failed, or
    /// an offer that was withdrawn still keeps it busy. LimitReached: as may_connect said.
    virtual void offer(std::string sdp, Done<std::string> answer) = 0;
    /// The offer in hand is not to be answered any more: its Done gets an error and everything stays as it
    /// was, a connection made for it is freed at once. Nothing happens without one.
    virtual void withdraw_offer() = 0;

    /// The kinds that the accepted offer has an active track of, muted or not.
    virtual Constraints tracks() const = 0;
    /// Stops (false) or starts (true) the flow of a kind towards all consumers and branches, without
    /// negotiation.
    virtual void set_flowing(Constraints flowing) = 0;

    /// A connection for `user`; it makes no offer by itself.
    virtual std::unique_ptr<Consumer> consume(const std::string& user,
                                              std::function<void(ConnectionState)> on_state) = 0;
    virtual ConnectionStats stats() const = 0;

    /// Begins a configured branch; the state as it then is. NotFound: there is no such group. WrongState: it
    /// runs already, or does not fit what the producer sends. InvalidArgument: a parameter, named in the
    /// field, that the template does not leave open, or that is out of its range.
    virtual Result<BranchState> begin_branch(std::string_view name, const BranchParameters& parameters) = 0;
    /// Ends a branch; answered when its files are complete, or could not be completed (Internal). NotFound as
    /// above. WrongState: it does not run.
    virtual void end_branch(std::string_view name, Done<BranchState> done) = 0;
    /// Every configured branch. They end with the producer; what they have begun is completed.
    virtual std::vector<BranchState> branches() const = 0;

    /// Its pipeline. It may take as long as an element is busy; nothing waits for it but `done`. NotFound:
    /// the producer has gone meanwhile.
    virtual void draw(Drawing drawing, Done<std::string> done) const = 0;
};

/// What GStreamer writes to its log.
struct LogDetail {
    std::string threshold;  ///< As GST_DEBUG has it: "webrtcbin:5,sluice*:4".
    /// What is less than a warning is written of this room only. What no element has written is in none.
    std::optional<std::string> room = {};
    std::optional<std::string> user = {};  ///< And of it only what this user sends, and what is sent to it.
};

/// Makes producers. One for the process; outlives them all.
class Engine {
public:
    virtual ~Engine() = default;
    /// `user_info` is JSON text. `may_connect` is asked before a connection is made for an offer, of the
    /// producer or of a consumer of it, a first one or one anew; its error answers that offer.
    virtual std::unique_ptr<Producer> produce(const std::string& room, const std::string& user,
                                              const std::string& user_info,
                                              std::function<Status()> may_connect,
                                              std::function<void(ConnectionState)> on_state) = 0;
    /// Connections of either kind: from the call of offer() that needs one until it has been torn down.
    virtual size_t connections() const = 0;
    /// Branches whose files are not complete, those of producers that have gone included.
    virtual size_t open_branches() const = 0;
    virtual ice::NetworkStats network() const = 0;

    virtual LogDetail log_detail() const = 0;
    /// Replaces it. InvalidArgument, with the field: it cannot be, and nothing has changed.
    virtual Status set_log_detail(const LogDetail& detail) = 0;
};

}  // namespace sluice::media
