#include "media/branch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace sluice::media {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 250ms;
/// Sound and picture of a recording begin together, once the sender's reports have said how they belong
/// together; what does not come by then comes later.
constexpr auto kBeginLimit = 4000ms;
/// For the key frame that a new segment begins with.
constexpr auto kSwitchLimit = 3000ms;
/// A lane that nothing has come for so long is not waited for.
constexpr GstClockTime kSilent = GST_SECOND;
std::string time_text(int64_t wall_us, const char* format) {
    const glib::Owned<GDateTime, g_date_time_unref> seconds(
        g_date_time_new_from_unix_utc(wall_us / G_USEC_PER_SEC));
    const glib::OwnedString date(g_date_time_format(seconds.get(), format));
    const glib::OwnedString text(g_strdup_printf(
        "%s.%03dZ", date.get(), static_cast<int>(wall_us % G_USEC_PER_SEC / G_TIME_SPAN_MILLISECOND)));
    return text.get();
}

std::string rfc3339(int64_t wall_us) {
    return time_text(wall_us, "%Y-%m-%dT%H:%M:%S");
}

constexpr sdp::Kind kKinds[] = {sdp::Kind::Audio, sdp::Kind::Video};

}  // namespace

Branch::Branch(Surroundings& around, std::shared_ptr<Pipeline> pipeline, const BranchRecipe& recipe,
               std::string user_info)
    : around_(around), pipeline_(std::move(pipeline)), recipe_(recipe), user_info_(std::move(user_info)) {}

Branch::~Branch() = default;

BranchState Branch::state() const {
    const auto counters = feed_ ? elements::feed_counters(feed_.get()) : elements::FeedCounters();
    BranchState state{.name = recipe_.options.name,
                      .pipeline = recipe_.chain.name(),
                      .phase = phase_,
                      .started = started_,
                      .duration_ms = past_ms_,
                      .packets = past_.packets + counters.packets,
                      .bytes = past_.bytes + counters.bytes,
                      .dropped = past_.dropped + counters.dropped,
                      .queued_bytes = counters.queued_bytes,
                      .files = files_,
                      .error = error_};
    if (present_)
        state.duration_ms += ms_into(*present_, gst_element_get_current_running_time(feed_.get()));
    return state;
}

uint64_t Branch::ms_into(const Running& running, GstClockTime time) const {
    return time > running.start ? (time - running.start) / GST_MSECOND : 0;
}

/// Whether there is anything for the template, and nothing of a kind that it takes in a codec that it does
/// not.
Status Branch::fits(const Tracks& tracks) const {
    bool any = false;
    for (const auto& track : tracks) {
        const auto& description = track->description();
        if (!description.active || !recipe_.takes_kind(description.kind))
            continue;
        if (!recipe_.takes(description))
            return Error{ErrorCode::WrongState,
                         recipe_.chain.name() + " does not take " + part_of(description)};
        any = true;
    }
    if (!any)
        return Error{ErrorCode::WrongState, recipe_.chain.name() + " takes none of the producer's tracks"};
    return Ok{};
}

Status Branch::begin(const Tracks& tracks, const BranchParameters& parameters) {
    if (runs() || phase_ == BranchPhase::Ending || retries())
        return Error{ErrorCode::WrongState,
                     "branch \"" + recipe_.options.name + "\" is " + to_string(phase_)};
    if (const auto fit = fits(tracks); !fit) {
        error_ = fit.error().message;
        return fit.error();
    }
    if (const auto values = recipe_.values(placeholders({}, 1), parameters); !values)
        return values.error();
    parameters_ = parameters;
    error_.clear();
    files_.clear();
    lanes_.clear();
    past_ = {};
    past_ms_ = 0;
    started_.clear();
    started_name_ = time_text(g_get_real_time(), "%Y%m%dT%H%M%S");
    tracks_ = tracks;
    set_up();
    add_lanes();
    return Ok{};
}

void Branch::set_up() {
    const auto run = ++run_;
    phase_ = BranchPhase::Waiting;
    if (!self_) {
        self_ = shared_from_this();
        around_.open_branches++;
        open_ = std::shared_ptr<void>(nullptr, [&around = around_](void*) {
            around.scheduler.post([&around] { around.open_branches--; });
        });
    }
    const auto name = "branch(" + recipe_.options.name + ")" + (run > 1 ? "#" + std::to_string(run) : "");
    bin_ = gst::Ref<GstElement>::sink(gst_bin_new(name.c_str()));
    g_object_set(bin_.get(), "message-forward", TRUE, nullptr);
    feed_ = gst::Ref<GstElement>::sink(gst_element_factory_make("sluicefeed", "feed"));
    gst_bin_add(GST_BIN(bin_.get()), feed_.get());
    elements::feed_listen(feed_.get(), [&scheduler = around_.scheduler, weak = weak_from_this(),
                                        run](const elements::FeedEvent& event) {
        scheduler.post([weak, run, event] {
            if (const auto self = weak.lock(); self && self->run_ == run && self->feed_)
                self->on_feed(event);
        });
    });
    gst_bin_add(pipeline_->bin(), bin_.get());
    pipeline_->watch(bin_.get(),
                     {.on_error =
                          [weak = weak_from_this()](const std::string& child, const std::string& text) {
                              if (const auto self = weak.lock())
                                  self->on_error(child, text);
                          },
                      .on_eos =
                          [weak = weak_from_this()](const std::string& child) {
                              if (const auto self = weak.lock())
                                  self->on_eos(child);
                          }});
    gst_element_sync_state_with_parent(bin_.get());
    first_began_.reset();
    feed_ending_ = feed_ended_ = syncing_ = false;
    asked_for_key_frame_ = around_.scheduler.now();
    ended_.clear();
    why_.clear();
    tick(run);
}

void Branch::add_lanes() {
    for (const auto& track : tracks_) {
        const auto& description = track->description();
        const bool there = std::ranges::any_of(lanes_, [&](const Lane& lane) { return lane.track == track; });
        if (there || !description.active || !recipe_.takes_kind(description.kind))
            continue;
        const auto log_skipped = [&](const std::string& why) {
            log::warning("a track is left out of a branch", {{"room", pipeline_->room()},
                                                             {"user", pipeline_->user()},
                                                             {"branch", recipe_.options.name},
                                                             {"track", part_of(description)},
                                                             {"why", why}});
        };
        if (!recipe_.takes(description)) {
            log_skipped(recipe_.chain.name() + " does not take it");
            continue;
        }
        if (std::ranges::any_of(lanes_, [&](const Lane& lane) {
                return lane.track->description().kind == description.kind && lane.track->description().active;
            })) {
            log_skipped("a branch has one track of a kind");
            continue;
        }
        const bool video = description.kind == sdp::Kind::Video;
        const auto inner = gst::Ref<GstPad>::adopt(
            elements::feed_add_lane(feed_.get(), video, static_cast<uint32_t>(description.codec.clock_rate)));
        GstPad* ghost = gst_ghost_pad_new(GST_OBJECT_NAME(inner.get()), inner.get());
        gst_pad_set_active(ghost, TRUE);
        gst_element_add_pad(bin_.get(), ghost);
        auto tap = std::make_unique<BranchTap>(
            track, std::string(GST_OBJECT_NAME(bin_.get())) + "." + GST_OBJECT_NAME(inner.get()));
        if (!tap->link(ghost)) {
            fail("cannot link track " + description.mid);
            return;
        }
        tap->set_open(true);
        lanes_.push_back({.track = track, .tap = std::move(tap), .sink = gst::Ref<GstPad>::retain(ghost)});
    }
}

void Branch::update(const Tracks& tracks) {
    tracks_ = tracks;
    if (runs())
        add_lanes();
}

void Branch::on_feed(const elements::FeedEvent& event) {
    using Kind = elements::FeedEvent::Kind;
    switch (event.kind) {
        case Kind::Began:
            lanes_[event.lane].began = true;
            if (!first_began_)
                first_began_ = around_.scheduler.now();
            return consider();
        case Kind::Synced:
            lanes_[event.lane].synced = true;
            return consider();
        case Kind::Switched:
            return on_switched(event);
        case Kind::Gap:
            if (present_ && present_->segment->number() == event.output)
                present_->sidecar.gaps.push_back(
                    {sdp::to_string(lanes_[event.lane].track->description().kind),
                     ms_into(*present_, event.time), (event.until - event.time) / GST_MSECOND});
            return;
        case Kind::Ended:
            feed_ended_ = true;
            if (present_)
                close_segment(*std::exchange(present_, std::nullopt), event.time, ended_);
            return check_ended();
    }
}

/// At most one of a kind, the latest: those that have something now.
std::vector<unsigned> Branch::lanes_that_flow() const {
    const auto counters = elements::feed_counters(feed_.get());
    std::vector<unsigned> flowing;
    for (const auto kind : kKinds)
        for (size_t i = lanes_.size(); i-- > 0;)
            if (lanes_[i].track->description().kind == kind && lanes_[i].track->description().active &&
                (lanes_[i].began || (runs() && counters.silent[i] < kSilent))) {
                flowing.push_back(static_cast<unsigned>(i));
                break;
            }
    return flowing;
}

/// Whether anything has come that no segment has taken, and another one would take.
bool Branch::has_news() const {
    return std::ranges::any_of(lanes_that_flow(), [&](unsigned lane) { return lanes_[lane].began; });
}

bool Branch::split_is_due() const {
    const auto& options = recipe_.options;
    const auto running = gst_element_get_current_running_time(feed_.get());
    const auto bytes = elements::feed_counters(feed_.get()).bytes - present_->bytes_before;
    return (options.split_after.count() > 0 &&
            ms_into(*present_, running) >= static_cast<uint64_t>(options.split_after.count()) * 1000) ||
           (options.split_after_bytes > 0 && bytes >= options.split_after_bytes);
}

/// Whether another segment is to begin, and with what.
void Branch::consider() {
    if (feed_ending_ || opening_)
        return;
    const bool last = phase_ == BranchPhase::Ending;
    const auto now = around_.scheduler.now();
    if (next_) {
        if (now - next_since_ < kSwitchLimit || !elements::feed_stay(feed_.get()))
            return;
        // What it was to begin with has stopped: the picture, which is the last one. (Otherwise it has begun,
        // and we shall be told.) What is kept of the sound is for the next segment.
        const auto leader = next_->lanes().back().index;
        if (last || elements::feed_counters(feed_.get()).silent[leader] >= kSilent)
            lanes_[leader].began = false;
        give_back(std::exchange(next_, nullptr));
    }
    const bool news = has_news();
    if (present_) {
        const bool split = split_is_due();
        if (news || split)
            open_segment(lanes_that_flow(), news ? "the tracks changed" : "split");
        return;
    }
    if (!news) {
        if (last)
            end_feed();
        return;
    }
    const bool together = std::ranges::all_of(
        lanes_, [](const Lane& lane) { return !lane.track->flowing() || (lane.began && lane.synced); });
    if (together || last || now - *first_began_ >= kBeginLimit)
        open_segment(lanes_that_flow(), "");
}

Placeholders Branch::placeholders(const std::vector<unsigned>& lanes, unsigned number) const {
    auto known = sample_placeholders();
    known["branch"] = recipe_.options.name;
    known["recordings"] = recipe_.recordings;
    known["room"] = pipeline_->room();
    known["user"] = pipeline_->user();
    known["started"] = started_name_;
    known["segment"] = std::to_string(number);
    if (!lanes.empty())
        known["codec"] = known["track"] = "";
    for (const auto lane : lanes) {
        const auto& description = lanes_[lane].track->description();
        const auto add = [](std::string& text, const std::string& word) {
            text += (text.empty() ? "" : "-") + word;
        };
        add(known["track"], sdp::to_string(description.kind));
        add(known["codec"], description.codec.name);
    }
    return known;
}

void Branch::open_segment(std::vector<unsigned> lanes, std::string why) {
    if (lanes.empty())
        return;
    const auto number = static_cast<unsigned>(files_.size() + 1);
    auto values = recipe_.values(placeholders(lanes, number), parameters_);
    if (!values)
        return fail(values.error().message);
    SegmentPlan plan{
        .chain = &recipe_.chain, .number = ++segments_, .lanes = {}, .values = *values, .sidecar = {}};
    plan.sidecar.room = pipeline_->room();
    plan.sidecar.user = pipeline_->user();
    plan.sidecar.user_info = user_info_;
    plan.sidecar.branch = recipe_.options.name;
    plan.sidecar.started = rfc3339(g_get_real_time());
    plan.sidecar.segment = number;
    plan.sidecar.finisher = recipe_.chain.finisher();
    for (const auto& file : files_) plan.sidecar.segments.push_back(file.substr(file.rfind('/') + 1));
    for (const auto lane : lanes) {
        const auto& description = lanes_[lane].track->description();
        plan.lanes.push_back({lane, sdp::to_string(description.kind), part_of(description), description});
        (description.kind == sdp::Kind::Audio ? plan.sidecar.audio_codec : plan.sidecar.video_codec) =
            description.codec.name;
    }
    opening_ = true;
    why_ = std::move(why);
    work("segment of " + recipe_.options.name,
         [self = shared_from_this(), run = run_, bin = bin_, feed = feed_, plan = std::move(plan)]() mutable {
             const std::lock_guard lock(*self->states_);
             auto opened = Segment::open(GST_BIN(bin.get()), feed.get(), std::move(plan));
             self->around_.scheduler.post([self, run, opened = std::move(opened)]() mutable {
                 if (self->run_ == run && self->feed_)
                     return self->on_opened(std::move(opened));
                 if (opened)
                     self->give_back(*opened);
             });
         });
}

void Branch::on_opened(Result<std::shared_ptr<Segment>> opened) {
    opening_ = false;
    if (!opened)
        return fail(opened.error().message);
    if (feed_ending_) {
        give_back(*opened);
        return check_ended();
    }
    next_ = *opened;
    next_since_ = around_.scheduler.now();
    elements::feed_switch(feed_.get(), next_->number());
}

/// A segment that nothing has gone to. What players were told of it is said again of the one that goes on.
void Branch::give_back(const std::shared_ptr<Segment>& segment) {
    work("unused " + segment->name(), [self = shared_from_this(), segment] {
        segment->discard();
        self->around_.scheduler.post([self] {
            if (self->present_)
                self->describe(*self->present_);
        });
    });
}

void Branch::on_switched(const elements::FeedEvent& event) {
    if (!next_ || next_->number() != event.output)
        return;
    if (present_)
        close_segment(*std::exchange(present_, std::nullopt), event.time, why_);
    const auto running = gst_element_get_current_running_time(feed_.get());
    const int64_t ago_us = running > event.time ? static_cast<int64_t>((running - event.time) / 1000) : 0;
    const auto began = rfc3339(g_get_real_time() - ago_us);
    present_ = Running{.segment = std::exchange(next_, nullptr), .sidecar = {}, .start = event.time};
    present_->bytes_before = present_->bytes_at_growth = elements::feed_counters(feed_.get()).bytes;
    present_->grown = around_.scheduler.now();
    present_->sidecar = present_->segment->sidecar();
    present_->sidecar.started = began;
    if (started_.empty())
        started_ = began;
    error_.clear();  // What came of the last try.
    if (!present_->segment->path().empty())
        files_.push_back(present_->segment->path());
    for (const auto& lane : present_->segment->lanes()) lanes_[lane.index].began = false;
    describe(*present_);
    log::info("a branch's segment begins", {{"room", pipeline_->room()},
                                            {"user", pipeline_->user()},
                                            {"branch", recipe_.options.name},
                                            {"file", present_->segment->path()},
                                            {"why", why_}});
    if (phase_ == BranchPhase::Ending)
        end_feed();
    else
        phase_ = BranchPhase::Running;
}

void Branch::describe(const Running& running) {
    work("description of " + running.segment->name(),
         [self = shared_from_this(), run = run_, segment = running.segment, sidecar = running.sidecar] {
             if (const auto done = segment->describe(sidecar); !done)
                 self->around_.scheduler.post([self, run, error = done.error()] {
                     if (self->run_ == run)
                         self->fail(error.message);
                 });
         });
}

void Branch::tick(unsigned run) {
    if (run_ != run || !feed_)
        return;
    watch_progress();
    if (!feed_)  // It has failed.
        return;
    const auto now = around_.scheduler.now();
    const auto interval = recipe_.options.key_frame_interval;
    if (interval.count() > 0 && now - asked_for_key_frame_ >= interval) {
        asked_for_key_frame_ = now;
        elements::feed_ask_for_key_frame(feed_.get());
    }
    consider();
    if (run_ == run && feed_)
        around_.scheduler.after(kTick, [weak = weak_from_this(), run] {
            if (const auto self = weak.lock())
                self->tick(run);
        });
}

}  // namespace sluice::media
