#include <algorithm>
#include <chrono>
#include <utility>

#include "elements/feed_state.h"
#include "elements/pads.h"
#include "elements/rtp_packet.h"

namespace sluice::elements {
namespace {

using namespace std::chrono_literals;
using Lane = FeedLane;
using Packet = FeedPacket;

/// How much is kept of a lane that no output has.
constexpr GstClockTime kHold = 6 * GST_SECOND;
constexpr size_t kHoldBytes = 12 << 20;
/// Packets go out in the order of their capture: so long the earliest one waits for lanes that have nothing,
/// if they are not silent (kQuiet).
constexpr gint64 kLate = 2 * G_TIME_SPAN_SECOND;
constexpr gint64 kQuiet = 400 * G_TIME_SPAN_MILLISECOND;
/// A lane that is silent for so long is said to be, and one of which nothing has come at all for so long is
/// taken to be none. Less than a queue of a template holds while a muxer waits.
constexpr GstClockTime kSilence = 300 * GST_MSECOND;
constexpr GstClockTime kNone = 800 * GST_MSECOND;
constexpr GstClockTime kLook = 100 * GST_MSECOND;
/// A silence that is worth telling.
constexpr GstClockTime kGap = GST_SECOND;
constexpr auto kTurn = 100ms;

void tell(FeedState& state, const FeedEvent& event) {
    std::function<void(const FeedEvent&)> listener;
    {
        std::lock_guard lock(state.mutex);
        listener = state.listener;
    }
    if (listener)
        listener(event);
}

/// What the sender's clock said when the packet was captured (rtpbin's add-reference-timestamp-meta).
std::optional<uint64_t> sender_time(GstBuffer* buffer) {
    const auto* meta = gst_buffer_get_reference_timestamp_meta(buffer, nullptr);
    return meta ? std::optional<uint64_t>(meta->timestamp) : std::nullopt;
}

/// Its RTP timestamp; nothing, if it is no RTP packet.
std::optional<uint32_t> rtp_time(GstBuffer* buffer) {
    GstMapInfo map;
    RtpPacket rtp;
    if (!GST_BUFFER_PTS_IS_VALID(buffer) || !gst_buffer_map(buffer, &map, GST_MAP_READ))
        return std::nullopt;
    const bool parsed = rtp.parse(map.data, map.size);
    const uint32_t time = parsed ? rtp.timestamp() : 0;
    gst_buffer_unmap(buffer, &map);
    return parsed ? std::optional(time) : std::nullopt;
}

/// When the first packet of a lane was captured. With the mutex.
GstClockTime first_time(FeedState& state, const Lane& lane) {
    const auto& packet = lane.packets.front();
    return state.timeline.time(lane.index, packet.rtp, GST_BUFFER_PTS(packet.buffer));
}

GstBuffer* take_first(Lane& lane) {
    GstBuffer* buffer = lane.packets.front().buffer;
    lane.bytes -= gst_buffer_get_size(buffer);
    lane.packets.pop_front();
    return buffer;
}

/// Of a lane that no output has, not more than the limits allow; video from a key frame on.
void trim(FeedState& state, Lane& lane) {
    const auto& packets = lane.packets;
    const auto too_much = [&] {
        return packets.size() > 1 &&
               (lane.bytes > kHoldBytes ||
                GST_BUFFER_PTS(packets.back().buffer) > GST_BUFFER_PTS(packets.front().buffer) + kHold);
    };
    if (!too_much())
        return;
    while (!packets.empty() && (lane.video || too_much())) {
        gst_buffer_unref(take_first(lane));
        state.dropped++;
    }
    if (lane.video)
        ask_for_key_frame(lane.sink);
}

/// What has arrived goes to the end of its lane.
void take(FeedState& state, const FeedArrival& arrival) {
    auto& lane = *arrival.lane;
    const auto rtp = rtp_time(arrival.buffer);
    const bool begins = !GST_BUFFER_FLAG_IS_SET(arrival.buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    const bool first = !lane.out && lane.packets.empty();
    if (!rtp || (first && lane.video && !begins))
        return gst_buffer_unref(arrival.buffer);
    bool synced = false;
    if (const auto ntp = sender_time(arrival.buffer)) {
        std::lock_guard lock(state.mutex);
        synced = !state.timeline.synced(lane.index);
        state.timeline.learn(lane.index, *rtp, GST_BUFFER_PTS(arrival.buffer), *ntp);
    }
    lane.packets.push_back({arrival.buffer, arrival.arrived_us, *rtp, begins});
    lane.bytes += gst_buffer_get_size(arrival.buffer);
    if (synced)
        tell(state, {.kind = FeedEvent::Kind::Synced, .lane = lane.index});
    if (first)
        tell(state, {.kind = FeedEvent::Kind::Began, .lane = lane.index});
    else if (!lane.out)
        trim(state, lane);
}

/// Tells what is behind, as the first of everything.
void open_pad(const Lane& lane) {
    char* id = gst_object_get_path_string(GST_OBJECT(lane.out));
    gst_pad_push_event(lane.out, gst_event_new_stream_start(id));
    g_free(id);
    if (GstCaps* caps = gst_pad_get_current_caps(lane.sink)) {
        gst_pad_push_event(lane.out, gst_event_new_caps(caps));
        gst_caps_unref(caps);
    }
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(lane.out, gst_event_new_segment(&segment));
}

void close_pad(FeedState& state, Lane& lane) {
    state.pushing_since_us = g_get_monotonic_time();
    gst_pad_push_event(lane.out, gst_event_new_eos());
    state.pushing_since_us = 0;
    g_clear_pointer(&lane.out, gst_object_unref);
}

void tell_gap(FeedState& state, const Lane& lane, GstClockTime until) {
    if (lane.flows && until > lane.heard + kGap)
        tell(state, {.kind = FeedEvent::Kind::Gap,
                     .lane = lane.index,
                     .output = *state.present,
                     .time = lane.heard,
                     .until = until});
}

void close_present(FeedState& state, GstClockTime end) {
    for (auto* lane : lanes_of(state)) {
        if (!lane->out)
            continue;
        tell_gap(state, *lane, end);
        close_pad(state, *lane);
    }
}

/// So that no muxer waits for them: GAP for the lanes that have been silent up to `time`; EOS for one of
/// which nothing has come: should it come yet, or be kept already with a later time, it is for another
/// output.
void fill_silences(FeedState& state, GstClockTime time) {
    if (time < state.looked + kLook)
        return;
    state.looked = time;
    for (auto* lane : lanes_of(state)) {
        if (!lane->out || lane->last + (lane->flows ? kSilence : kNone) > time)
            continue;
        if (!lane->flows) {
            close_pad(state, *lane);
            if (!lane->packets.empty())
                tell(state, {.kind = FeedEvent::Kind::Began, .lane = lane->index});
            continue;
        }
        gst_pad_push_event(lane->out, gst_event_new_gap(lane->last - state.start, time - lane->last));
        lane->last = time;
    }
}

void push(Feed* self, Lane& lane, GstClockTime time) {
    auto& state = *self->state;
    tell_gap(state, lane, time);
    state.newest = std::max(state.newest, time);
    lane.last = std::max(lane.last, time);
    lane.heard = time;
    lane.flows = true;
    fill_silences(state, time);
    GstBuffer* buffer = gst_buffer_make_writable(take_first(lane));
    GST_BUFFER_PTS(buffer) = time > state.start ? time - state.start : 0;
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    state.packets++;
    state.bytes += gst_buffer_get_size(buffer);
    state.pushing_since_us = g_get_monotonic_time();
    const GstFlowReturn flow = gst_pad_push(lane.out, buffer);
    state.pushing_since_us = 0;
    if (flow < GST_FLOW_EOS && !state.failed) {
        state.failed = true;
        GST_ELEMENT_FLOW_ERROR(self, flow);
    }
}

/// A lane with its pad in an output (transfer full).
using Way = std::pair<Lane*, GstPad*>;

struct Switch {
    unsigned output;
    GstClockTime start;  ///< Running time.
    std::vector<Way> ways;
};

/// The packet that is to go out next.
struct Next {
    Lane* lane = nullptr;
    GstClockTime time = 0;
};

/// The earliest of all that the present output has; none, while an earlier one may come.
Next find_next(FeedState& state, bool wait) {
    std::lock_guard lock(state.mutex);
    const gint64 now = g_get_monotonic_time();
    Next next;
    bool awaited = false;
    for (const auto& lane : state.lanes) {
        if (!lane->out)
            continue;
        if (lane->packets.empty()) {
            awaited |= lane->last_arrival_us + kQuiet > now;
            continue;
        }
        const auto time = first_time(state, *lane);
        if (!next.lane || time < next.time)
            next = {lane.get(), time};
    }
    if (next.lane && wait && awaited && next.lane->packets.front().arrived_us + kLate > now)
        return {};
    return next;
}

/// The wish of feed_switch(), if it is to be fulfilled before `next` goes out: with a picture, at a key frame
/// of it.
std::optional<Switch> take_wish(FeedState& state, const Next& next) {
    std::lock_guard lock(state.mutex);
    if (!state.wish)
        return std::nullopt;
    std::vector<Way> ways;
    for (const auto& entry : state.outputs)
        if (entry.output == *state.wish)
            ways.emplace_back(state.lanes[entry.lane].get(), entry.pad);
    if (ways.empty())  // It has been given up.
        return std::nullopt;
    const auto video = std::ranges::find_if(ways, [](const Way& way) { return way.first->video; });
    const auto* leader = video != ways.end() ? video->first : ways.front().first;
    if (leader->out ? next.lane != leader || !leader->packets.front().begins : leader->packets.empty())
        return std::nullopt;
    // At the very beginning at the picture; later nothing that was kept may be lost.
    auto start = first_time(state, *leader);
    for (const auto& [lane, pad] : ways) {
        gst_object_ref(pad);
        if (state.present && !lane->packets.empty())
            start = std::min(start, first_time(state, *lane));
    }
    return Switch{*std::exchange(state.wish, std::nullopt), start, std::move(ways)};
}

void carry_out(FeedState& state, const Switch& to) {
    for (auto* lane : lanes_of(state)) {
        // The rest of what has no place any more, and what came before the picture that it begins with.
        const bool stays = std::ranges::count(to.ways, lane, &Way::first) > 0;
        const auto early = [&] {
            std::lock_guard lock(state.mutex);
            return first_time(state, *lane) < to.start;
        };
        if (stays || lane->out)
            while (!lane->packets.empty() && (!stays || early())) gst_buffer_unref(take_first(*lane));
    }
    close_present(state, to.start);
    state.present = to.output;
    state.start = state.looked = to.start;
    state.failed = false;
    for (const auto& [lane, pad] : to.ways) {
        lane->out = pad;
        lane->flows = false;
        lane->last = lane->heard = to.start;
        open_pad(*lane);
    }
    tell(state, {.kind = FeedEvent::Kind::Switched, .output = to.output, .time = to.start});
}

/// Whether there was anything to do.
bool give_one(Feed* self, bool wait) {
    auto& state = *self->state;
    const auto next = find_next(state, wait);
    if (const auto to = take_wish(state, next)) {
        carry_out(state, *to);
        return true;
    }
    if (next.lane)
        push(self, *next.lane, next.time);
    return next.lane;
}

}  // namespace

std::vector<FeedLane*> lanes_of(FeedState& state) {
    std::lock_guard lock(state.mutex);
    std::vector<FeedLane*> lanes;
    for (const auto& lane : state.lanes) lanes.push_back(lane.get());
    return lanes;
}

void forget(FeedLane& lane) {
    while (!lane.packets.empty()) gst_buffer_unref(take_first(lane));
}

void feed_turn(Feed* self) {
    auto& state = *self->state;
    FeedArrival arrival{};
    bool end = false;
    {
        std::unique_lock lock(state.mutex);
        state.changed.wait_for(lock, kTurn, [&] {
            return !state.queue.empty() || !state.running || (state.end && !state.ended);
        });
        if (!state.running)
            return;
        if (!state.queue.empty()) {
            arrival = state.queue.front();
            state.queue.pop_front();
            state.queued_bytes -= gst_buffer_get_size(arrival.buffer);
        } else
            end = state.end && !state.ended;
    }
    if (state.ended) {
        if (arrival.buffer)
            gst_buffer_unref(arrival.buffer);
        return;
    }
    if (arrival.buffer)
        take(state, arrival);
    while (give_one(self, !end)) {
    }
    if (!end)
        return;
    close_present(state, state.newest);
    state.ended = true;
    tell(state, {.kind = FeedEvent::Kind::Ended, .time = state.newest});
}

}  // namespace sluice::elements
