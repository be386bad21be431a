#include "media/egress.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

namespace sluice::media {
namespace {

/// One m-section.
struct Leg {
    std::shared_ptr<Track> track;
    sdp::OutTrack out;
    gst::Ref<GstWebRTCRTPTransceiver>
        transceiver;           ///< Of the present webrtcbin; null until that has the section.
    std::unique_ptr<Tap> tap;  ///< There once connected.
    sdp::Taken taken{};        ///< By the last answer.
};

/// Counts a connection that an offer will make.
class Place {
public:
    explicit Place(std::atomic<size_t>& connections) : connections_(connections) { ++connections_; }
    ~Place() { --connections_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

private:
    std::atomic<size_t>& connections_;
};

gst::Ref<GstPad> sink_pad_of(GstElement* bin, GstWebRTCRTPTransceiver* transceiver) {
    struct Search {
        GstWebRTCRTPTransceiver* transceiver;
        gst::Ref<GstPad> found;
    } search{transceiver, {}};
    gst_element_foreach_sink_pad(
        bin,
        [](GstElement*, GstPad* pad, gpointer data) -> gboolean {
            auto& looking = *static_cast<Search*>(data);
            gst::Ref<GstWebRTCRTPTransceiver> of_pad;
            g_object_get(pad, "transceiver", of_pad.out(), nullptr);
            if (of_pad.get() != looking.transceiver)
                return TRUE;
            looking.found = gst::Ref<GstPad>::retain(pad);
            return FALSE;
        },
        &search);
    return search.found;
}

}  // namespace

/// Offers and answers are carried out one after the other in the order they came.
struct Egress::State : std::enable_shared_from_this<State> {
    State(Surroundings& around_, std::shared_ptr<Pipeline> pipeline_, std::string user_, Tracks tracks_,
          std::function<Status()> may_connect_, std::function<void(ConnectionState)> on_state_)
        : around(around_),
          pipeline(std::move(pipeline_)),
          user(std::move(user_)),
          tracks(std::move(tracks_)),
          may_connect(std::move(may_connect_)),
          on_state(std::move(on_state_)) {}

    void run(std::function<void()> step);
    void next();
    template <typename T>
    Done<T> last(Done<T> done);
    void close();

    void offer(bool ice_restart, const Done<std::string>& done);
    bool lives() const { return connection && connection->state() != ConnectionState::Failed; }
    Status take_place();
    Status connect_anew();
    bool add_sections();
    void negotiate_sections(const Done<Ok>& done);
    void apply_remote(const Done<Ok>& done);
    std::string write_offer();

    void answer(const std::string& text, const Done<Ok>& done);
    void open_gates();
    void on_connection(ConnectionState state);

    std::vector<sdp::OutTrack> outs() const;

    Surroundings& around;
    std::shared_ptr<Pipeline> pipeline;
    std::string user;
    Tracks tracks;
    std::function<Status()> may_connect;
    std::function<void(ConnectionState)> on_state;

    std::deque<std::function<void()>> queue;
    bool busy = false;

    std::optional<Place> place;  ///< Until the connection counts itself.
    std::shared_ptr<Connection> connection;
    unsigned connections_made = 0;
    std::string session_id;  ///< Of o=; a connection that is made anew has another one.
    uint64_t first_mid = 0;  ///< Of the session, so that no answer to an offer of another one fits.
    std::vector<Leg> legs;
    std::string fingerprint;               ///< Ours.
    std::optional<sdp::Transport> remote;  ///< Of the first answer on this connection.
    std::string remote_ufrag;              ///< Of the last one.
    std::deque<size_t> waiting;  ///< Sections of each offer that waits for its answer, oldest first.
    unsigned version = 0;
};

Egress::Egress(Surroundings& around, std::shared_ptr<Pipeline> pipeline, std::string user, Tracks tracks,
               std::function<Status()> may_connect, std::function<void(ConnectionState)> on_state)
    : state_(std::make_shared<State>(around, std::move(pipeline), std::move(user), std::move(tracks),
                                     std::move(may_connect), std::move(on_state))) {}

Egress::~Egress() {
    state_->close();
}

void Egress::offer(bool ice_restart, Done<std::string> done) {
    // Before its turn comes, so that nobody else is let in on what it needs. An error is met again there.
    (void)state_->take_place();
    state_->run([state = state_.get(), ice_restart, done] { state->offer(ice_restart, state->last(done)); });
}

void Egress::answer(std::string sdp, Done<Ok> done) {
    state_->run(
        [state = state_.get(), sdp = std::move(sdp), done] { state->answer(sdp, state->last(done)); });
}

ConnectionStats Egress::stats() const {
    const auto& state = *state_;
    ConnectionStats stats;
    if (!state.connection)
        return stats;
    const auto sent = state.connection->sent();
    stats.state = state.connection->state();
    stats.packets = sent.packets;
    stats.bytes = sent.bytes;
    stats.express = state.connection->express()->is_open();
    for (const auto& leg : state.legs) {
        TrackStats track{
            .mid = leg.out.mid, .kind = sdp::to_string(leg.out.kind), .codec = leg.out.codec.name};
        track.muted = !leg.track->flowing();
        if (leg.tap) {
            track.packets = leg.tap->leg().packets();
            track.bytes = leg.tap->leg().bytes();
            track.dropped = leg.tap->leg().dropped();
            track.retransmitted = leg.tap->leg().retransmitted();
        }
        stats.tracks.push_back(std::move(track));
    }
    return stats;
}

void Egress::State::run(std::function<void()> step) {
    queue.push_back(std::move(step));
    next();
}

void Egress::State::next() {
    if (busy || queue.empty())
        return;
    busy = true;
    // Posted, so that no Done is called inside the call that asked for it.
    around.scheduler.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->queue.empty())
            return;
        const auto step = std::move(self->queue.front());
        self->queue.pop_front();
        step();
    });
}

/// `done`, and then the next step.
template <typename T>
Done<T> Egress::State::last(Done<T> done) {
    return Done<T>([weak = weak_from_this(), done](Result<T> result) {
        done(std::move(result));
        if (const auto self = weak.lock()) {
            self->busy = false;
            self->next();
        }
    });
}

void Egress::State::close() {
    queue.clear();
    if (connection)
        connection->express()->clear();
    legs.clear();
    if (connection)
        connection->close();
}

std::vector<sdp::OutTrack> Egress::State::outs() const {
    std::vector<sdp::OutTrack> result;
    result.reserve(legs.size());
    for (const auto& leg : legs) result.push_back(leg.out);
    return result;
}

void Egress::State::offer(bool ice_restart, const Done<std::string>& done) {
    if (!lives()) {
        if (const auto taken = take_place(); !taken)
            return done(taken.error());
        if (const auto made = connect_anew(); !made)
            return done(made.error());
    } else if (ice_restart)
        connection->peer().restart();
    const bool news = add_sections();
    const auto finish = [weak = weak_from_this(), done](Result<Ok> negotiated) {
        const auto self = weak.lock();
        if (!self || !negotiated)
            return done(self ? negotiated.error() : Error{ErrorCode::WrongState, "the consumer has gone"});
        done(self->write_offer());
    };
    if (legs.empty())
        return done(Error{ErrorCode::WrongState, "the producer has no track"});
    if (news)
        return negotiate_sections(Done<Ok>(finish));
    finish(Ok{});
}

Status Egress::State::take_place() {
    if (lives() || place)
        return Ok{};
    if (auto may = may_connect(); !may)
        return may;
    place.emplace(around.connections);
    return Ok{};
}

Status Egress::State::connect_anew() {
    for (auto& leg : legs) {
        leg.tap.reset();
        leg.transceiver = {};
        leg.taken = {};
    }
    remote.reset();
    remote_ufrag.clear();
    waiting.clear();
    // The fingerprint stays ours: by the old id a browser would see an ICE restart, keep its DTLS association
    // (RFC 8842 section 5.5), and never begin another one.
    session_id = std::to_string((static_cast<guint64>(g_random_int()) << 30) + 1);
    first_mid = 100 * around.consumer_sessions++;
    version = 0;
    connections_made++;
    auto made =
        Connection::create(around, pipeline, pipeline->free_name("consumer(" + user + ")"), user,
                           {.on_state =
                                [weak = weak_from_this(), mine = connections_made](ConnectionState state) {
                                    const auto self = weak.lock();
                                    if (self && self->connections_made == mine)
                                        self->on_connection(state);
                                },
                            .on_pad = {},
                            .on_transceiver = {}});
    place.reset();
    if (!made)
        return made.error();
    connection = std::move(made).value();
    return Ok{};
}

/// Legs as the producer's tracks are now; whether webrtcbin has to be told of any.
bool Egress::State::add_sections() {
    const auto now = tracks();
    for (size_t i = legs.size(); i < now.size(); i++)
        legs.push_back({.track = now[i], .out = now[i]->description(), .transceiver = {}, .tap = nullptr});
    bool news = false;
    for (size_t i = 0; i < legs.size(); i++) {
        auto& leg = legs[i];
        leg.out.mid = std::to_string(first_mid + i);
        leg.out.active = leg.track->description().active;
        if (leg.transceiver)
            continue;
        news = true;
        const auto caps = gst::Ref<GstCaps>::adopt(gst_caps_from_string(sdp::track_caps(leg.out).c_str()));
        GstWebRTCRTPTransceiver* raw = nullptr;
        g_signal_emit_by_name(connection->webrtcbin(), "add-transceiver",
                              GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, caps.get(), &raw);
        leg.transceiver = gst::Ref<GstWebRTCRTPTransceiver>::adopt(raw);
    }
    return news;
}

void Egress::State::negotiate_sections(const Done<Ok>& done) {
    const auto created = [weak = weak_from_this(), done](Result<std::string> offer) {
        const auto self = weak.lock();
        if (!self || !offer)
            return done(self ? offer.error() : Error{ErrorCode::WrongState, "the consumer has gone"});
        const auto read = sdp::read_bin_description(*offer);
        if (!read)
            return done(read.error());
        if (read->sections != self->legs.size())
            return done(Error{ErrorCode::Internal, "webrtcbin offers " + std::to_string(read->sections) +
                                                       " sections of " + std::to_string(self->legs.size())});
        self->fingerprint = read->fingerprint;
        if (!self->remote)
            return done(Ok{});
        self->apply_remote(done);
    };
    connection->create_local(GST_WEBRTC_SDP_TYPE_OFFER, Done<std::string>(created));
}

/// Gives webrtcbin the answer to its own latest offer: every section taken.
void Egress::State::apply_remote(const Done<Ok>& done) {
    const auto applied = [weak = weak_from_this(), done](Result<Ok> set) {
        const auto self = weak.lock();
        if (!self || !set)
            return done(self ? set.error() : Error{ErrorCode::WrongState, "the consumer has gone"});
        // Not before: webrtcbin (1.22 to 1.28) closes its receiving side again, for good, if it hears that
        // ICE is connected in the moment in which the answer opens that: it writes back what it read
        // unlocked.
        if (self->connection->state() == ConnectionState::New)
            self->connection->connect(*self->remote);
        self->open_gates();
        done(Ok{});
    };
    connection->set_remote(GST_WEBRTC_SDP_TYPE_ANSWER,
                           sdp::write_bin_answer(outs(), *remote, session_id, ++version), Done<Ok>(applied));
}

std::string Egress::State::write_offer() {
    waiting.push_back(legs.size());
    const auto credentials = connection->peer().local();
    return sdp::write_offer(outs(), {.ufrag = credentials.ufrag,
                                     .pwd = credentials.pwd,
                                     .fingerprint = fingerprint,
                                     .setup = "actpass",
                                     .candidates = connection->peer().candidates(),
                                     .ice_lite = connection->peer().is_lite(),
                                     .session_id = session_id,
                                     .version = ++version});
}

void Egress::State::answer(const std::string& text, const Done<Ok>& done) {
    if (waiting.empty())
        return done(Error{ErrorCode::WrongState, "no offer is waiting for an answer"});
    const auto parsed = sdp::parse_answer(text);
    if (!parsed)
        return done(parsed.error());
    const auto answered = std::ranges::find(waiting, parsed->sections.size());
    if (answered == waiting.end())
        return done(Error{ErrorCode::Unacceptable,
                          "the answer has " + std::to_string(parsed->sections.size()) +
                              " m-sections, the offer " + std::to_string(waiting.front()),
                          "answer.sdp"});
    auto offered = outs();
    offered.resize(*answered);
    const auto taken = sdp::read_answer(*parsed, offered);
    if (!taken)
        return done(taken.error());
    if (remote && remote->fingerprints != parsed->transport.fingerprints)
        return done(
            Error{ErrorCode::Unacceptable,
                  "the certificate's fingerprint is not the one of the connection; a new page needs another "
                  "offer once this connection has failed",
                  "answer.sdp"});

    waiting.erase(waiting.begin(), answered + 1);
    for (size_t i = 0; i < taken->size(); i++) legs[i].taken = (*taken)[i];
    const bool restarts = std::exchange(remote_ufrag, parsed->transport.ufrag) != parsed->transport.ufrag;
    if (!remote) {
        remote = parsed->transport;
        return apply_remote(done);
    }
    if (restarts)
        connection->connect(parsed->transport);
    else
        connection->peer().add_remote(parsed->transport.candidates);
    open_gates();
    done(Ok{});
}

void Egress::State::open_gates() {
    if (!connection || connection->state() != ConnectionState::Connected || !remote)
        return;
    for (auto& leg : legs) {
        if (!leg.tap) {
            const auto sink = leg.transceiver ? sink_pad_of(connection->webrtcbin(), leg.transceiver.get())
                                              : gst::Ref<GstPad>();
            if (!sink)
                continue;  // not negotiated yet
            connection->announce(sdp::track_caps(leg.out));
            auto tap =
                std::make_unique<Tap>(leg.track, connection->name() + "." + leg.track->description().mid);
            if (!tap->link(sink.get())) {
                connection->fail("cannot link track " + leg.out.mid);
                return;
            }
            leg.tap = std::move(tap);
            connection->express()->add(leg.out.ssrc, gst::Ref<GstPad>::retain(leg.tap->pad()));
        }
        leg.tap->set_rtx(leg.taken.rtx);
        leg.tap->set_open(leg.taken.media);
    }
}

void Egress::State::on_connection(ConnectionState state) {
    if (state == ConnectionState::Connected)
        open_gates();
    if (state == ConnectionState::Failed) {
        waiting.clear();
        connection->express()->clear();
        for (auto& leg : legs) leg.tap.reset();
    }
    on_state(state);
}

}  // namespace sluice::media
