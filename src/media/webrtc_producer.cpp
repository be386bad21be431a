#include "media/webrtc_producer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "gst/graph.h"
#include "media/egress.h"

namespace sluice::media {
namespace {

/// A track and the producer's m-section that feeds it.
struct Slot {
    std::shared_ptr<Track> track;
    std::string mid;  ///< Empty: no section does (the one that did has been stopped, or its page was left).
};

}  // namespace

struct WebrtcProducer::State : std::enable_shared_from_this<State> {
    State(Surroundings& around_, std::shared_ptr<Pipeline> pipeline_, const gst::LaunchTemplate& chain_,
          std::vector<std::string> video_codecs_, std::unique_ptr<Branches> branches_,
          std::function<Status()> may_connect_, std::function<void(ConnectionState)> on_state_)
        : around(around_),
          pipeline(std::move(pipeline_)),
          chain(chain_),
          video_codecs(std::move(video_codecs_)),
          branches(std::move(branches_)),
          may_connect(std::move(may_connect_)),
          on_state(std::move(on_state_)),
          cname(gst::OwnedString(g_uuid_string_random()).get()) {}

    /// What an offer that is being answered will change once it has been.
    struct Plan {
        sdp::Description offer;
        std::shared_ptr<Ingress> ingress;
        bool replaces = false;
        std::vector<Slot> slots;
        Ingress::Chosen chosen;
    };

    Status offer(const std::string& text, const Done<std::string>& answer);
    Result<std::shared_ptr<Ingress>> make_ingress();
    Status assign_tracks(Plan& plan);
    std::string carry_out(Plan& plan);
    void on_ingress(const Ingress* from, ConnectionState state);
    bool flows(const Track& track) const;

    Surroundings& around;
    std::shared_ptr<Pipeline> pipeline;
    const gst::LaunchTemplate& chain;
    std::vector<std::string> video_codecs;
    std::unique_ptr<Branches> branches;
    std::function<Status()> may_connect;
    std::function<void(ConnectionState)> on_state;
    std::string cname;

    std::shared_ptr<Ingress> ingress;
    unsigned ingresses_made = 0;
    std::vector<Slot> slots;
    Constraints flowing{true, true};
    std::shared_ptr<Plan> in_hand;  ///< Owned here alone: webrtcbin's reply to a plan that has gone is void.
};

WebrtcProducer::WebrtcProducer(Surroundings& around, std::shared_ptr<Pipeline> pipeline,
                               const gst::LaunchTemplate& chain, std::vector<std::string> video_codecs,
                               std::unique_ptr<Branches> branches, std::function<Status()> may_connect,
                               std::function<void(ConnectionState)> on_state)
    : state_(std::make_shared<State>(around, std::move(pipeline), chain, std::move(video_codecs),
                                     std::move(branches), std::move(may_connect), std::move(on_state))) {}

WebrtcProducer::~WebrtcProducer() {
    state_->branches.reset();
    if (state_->ingress)
        state_->ingress->close();
}

void WebrtcProducer::offer(std::string sdp, Done<std::string> answer) {
    if (const auto begun = state_->offer(sdp, answer); !begun)
        state_->around.scheduler.post([answer, error = begun.error()] { answer(error); });
}

void WebrtcProducer::withdraw_offer() {
    state_->in_hand.reset();
}

Constraints WebrtcProducer::tracks() const {
    Constraints there;
    for (const auto& slot : state_->slots)
        if (slot.track->description().active)
            (slot.track->description().kind == sdp::Kind::Audio ? there.audio : there.video) = true;
    return there;
}

void WebrtcProducer::set_flowing(Constraints flowing) {
    state_->flowing = flowing;
    for (const auto& slot : state_->slots) slot.track->set_muted(!state_->flows(*slot.track));
}

std::unique_ptr<Consumer> WebrtcProducer::consume(const std::string& user,
                                                  std::function<void(ConnectionState)> on_state) {
    const auto tracks = [weak = std::weak_ptr(state_)] {
        std::vector<std::shared_ptr<Track>> now;
        if (const auto state = weak.lock())
            for (const auto& slot : state->slots) now.push_back(slot.track);
        return now;
    };
    return std::make_unique<Egress>(state_->around, state_->pipeline, user, tracks, state_->may_connect,
                                    std::move(on_state));
}

ConnectionStats WebrtcProducer::stats() const {
    const auto& state = *state_;
    ConnectionStats stats;
    if (!state.ingress)
        return stats;
    const auto received = state.ingress->received();
    stats.state = state.ingress->state();
    stats.packets = received.packets;
    stats.bytes = received.bytes;
    for (const auto& slot : state.slots) {
        const auto& description = slot.track->description();
        if (!description.active)
            continue;
        stats.tracks.push_back({.mid = slot.mid,
                                .kind = sdp::to_string(description.kind),
                                .codec = description.codec.name,
                                .muted = !state.flows(*slot.track),
                                .packets = slot.track->counter("packets"),
                                .bytes = slot.track->counter("bytes"),
                                .key_frame_requests = slot.track->counter("key-frame-requests"),
                                .dropped = slot.track->counter("dropped")});
    }
    return stats;
}

Result<BranchState> WebrtcProducer::begin_branch(std::string_view name, const BranchParameters& parameters) {
    return state_->branches->begin(name, parameters);
}

void WebrtcProducer::end_branch(std::string_view name, Done<BranchState> done) {
    state_->branches->end(name, done);
}

std::vector<BranchState> WebrtcProducer::branches() const {
    return state_->branches->states();
}

void WebrtcProducer::draw(Drawing drawing, Done<std::string> done) const {
    auto look = [pipeline = gst::Ref<GstElement>::retain(GST_ELEMENT(state_->pipeline->bin())), drawing,
                 done = std::move(done), weak = std::weak_ptr(state_),
                 &scheduler = state_->around.scheduler] {
        const auto view = gst::look_at(pipeline.get(), drawing.whole);
        auto text = drawing.form == Drawing::Form::Dot ? gst::to_dot(view) : gst::to_text(view);
        scheduler.post([done, weak, text = std::move(text)]() mutable {
            if (weak.expired())
                return done(Error{ErrorCode::NotFound, "the user has stopped producing"});
            done(std::move(text));
        });
    };
    state_->around.drawings.run(
        "drawing the pipeline of " + state_->pipeline->user() + " in " + state_->pipeline->room(),
        std::move(look));
}

bool WebrtcProducer::State::flows(const Track& track) const {
    return track.description().kind == sdp::Kind::Audio ? flowing.audio : flowing.video;
}

Status WebrtcProducer::State::offer(const std::string& text, const Done<std::string>& answer) {
    auto parsed = sdp::parse_offer(text);
    if (!parsed)
        return parsed.error();

    const auto plan = std::make_shared<Plan>(
        Plan{.offer = std::move(*parsed), .ingress = ingress, .slots = slots, .chosen = {}});
    plan->replaces = !ingress || !ingress->is_continued_by(plan->offer);
    if (in_hand || (!plan->replaces && ingress->is_busy()))
        return Error{ErrorCode::WrongState, "another offer of this user is being answered"};
    if (!plan->replaces && ingress->state() == ConnectionState::Failed)
        return Error{ErrorCode::WrongState, "the connection has failed; offer from a new RTCPeerConnection",
                     "offer.sdp"};
    if (plan->replaces) {
        auto made = make_ingress();
        if (!made)
            return made.error();
        plan->ingress = std::move(made).value();
        for (auto& slot : plan->slots) slot.mid.clear();
    }
    if (const auto assigned = assign_tracks(*plan); !assigned)
        return assigned;

    in_hand = plan;
    const auto negotiated = [weak = weak_from_this(), planned = std::weak_ptr(plan),
                             answer](Result<Ok> result) {
        const auto self = weak.lock();
        const auto mine = planned.lock();
        if (!self || !mine)
            return answer(
                Error{ErrorCode::WrongState, self ? "the offer was withdrawn" : "the producer has gone"});
        self->in_hand.reset();
        answer(result ? Result<std::string>(self->carry_out(*mine)) : result.error());
    };
    plan->ingress->negotiate(plan->offer, plan->chosen, Done<Ok>(negotiated));
    return Ok{};
}

Result<std::shared_ptr<Ingress>> WebrtcProducer::State::make_ingress() {
    if (const auto may = may_connect(); !may)
        return may.error();
    const auto from = std::make_shared<const Ingress*>(nullptr);
    const auto on_ingress_state = [weak = weak_from_this(), from](ConnectionState state) {
        if (const auto self = weak.lock())
            self->on_ingress(*from, state);
    };
    const auto made_before = ingresses_made++;
    const auto name = "producer(" + pipeline->user() + ")" +
                      (made_before ? "#" + std::to_string(ingresses_made) : std::string());
    auto made = Ingress::create(around, pipeline, name, video_codecs, on_ingress_state);
    if (made)
        *from = made->get();
    return made;
}

/// A track for each section that sends: its own, a dormant one that fits, or a new one.
Status WebrtcProducer::State::assign_tracks(Plan& plan) {
    const auto& offer = plan.offer;
    auto chosen = plan.ingress->choose(offer);
    if (!chosen)
        return chosen.error();
    plan.chosen = std::move(chosen).value();
    const bool sends = std::ranges::any_of(offer.sections, &sdp::Section::sends);
    if (plan.chosen.empty() && (plan.replaces || sends))
        return Error{ErrorCode::Unacceptable,
                     sends ? "no section has a codec that this server takes (opus; media.video-codecs)"
                           : "no audio or video section sends",
                     "offer.sdp"};
    for (const auto& section : offer.sections)
        if (section.rejected)
            for (auto& slot : plan.slots)
                if (slot.mid == section.mid)
                    slot.mid.clear();
    for (const auto& section : offer.sections) {
        const auto want = plan.chosen.find(section.mid);
        if (want == plan.chosen.end() || std::ranges::count(plan.slots, section.mid, &Slot::mid) > 0)
            continue;
        const auto dormant = std::ranges::find_if(
            plan.slots, [&](const Slot& slot) { return slot.mid.empty() && slot.track->fits(want->second); });
        if (dormant != plan.slots.end()) {
            dormant->mid = section.mid;
            continue;
        }
        const auto index = static_cast<unsigned>(plan.slots.size());
        // That of a plan that came to nothing may still be on its way out.
        const auto name = pipeline->free_name("track" + std::to_string(index));
        auto made = Track::create(chain, pipeline, around.network, name, index, want->second, cname);
        if (!made)
            return made.error();
        plan.slots.push_back({std::move(made).value(), section.mid});
    }
    return Ok{};
}

/// The answer.
std::string WebrtcProducer::State::carry_out(Plan& plan) {
    Ingress::Tracks fed;
    for (const auto& slot : plan.slots)
        if (plan.chosen.contains(slot.mid))
            fed.emplace(slot.mid, slot.track);
    auto answer = plan.ingress->accept(plan.offer, plan.chosen, fed);
    if (plan.replaces && ingress) {
        log::info("the producer's connection is replaced",
                  {{"room", pipeline->room()}, {"user", pipeline->user()}});
        ingress->close();
    }
    const auto before = std::exchange(slots, std::move(plan.slots));
    ingress = plan.ingress;
    const bool open = ingress->state() == ConnectionState::Connected;
    for (size_t i = 0; i < slots.size(); i++) {
        auto& slot = slots[i];
        const auto source = plan.chosen.find(slot.mid);
        slot.track->set_muted(!flows(*slot.track));
        // Before the restart, or a late packet of the old connection would be taken for the new one's first.
        slot.track->set_open(open);
        slot.track->set_active(source != plan.chosen.end());
        if (source != plan.chosen.end()) {
            const bool another = i < before.size() && (plan.replaces || before[i].mid != slot.mid);
            slot.track->set_source(source->second, another);
        }
    }
    Branch::Tracks tracks;
    for (const auto& slot : slots) tracks.push_back(slot.track);
    branches->update(tracks);
    return answer;
}

void WebrtcProducer::State::on_ingress(const Ingress* from, ConnectionState state) {
    if (from != ingress.get())
        return;
    for (const auto& slot : slots) slot.track->set_open(state == ConnectionState::Connected);
    on_state(state);
}

}  // namespace sluice::media
