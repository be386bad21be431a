#include "elements/feed.h"

#include <algorithm>
#include <string>
#include <utility>

#include "elements/feed_state.h"
#include "elements/pads.h"
#include "elements/properties.h"

GST_DEBUG_CATEGORY_STATIC(sluice_feed_debug);
#define GST_CAT_DEFAULT sluice_feed_debug

namespace sluice::elements {
namespace {

/// What may wait for what is behind: two seconds of a large stream.
constexpr size_t kQueueBytes = 8 << 20;

}  // namespace

struct FeedClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(Feed, feed, GST_TYPE_ELEMENT)

namespace {

using Lane = FeedLane;

Feed* as_feed(gpointer object) {
    return static_cast<Feed*>(object);
}

/// The producer's streaming thread.
GstFlowReturn chain(GstPad* pad, GstObject* parent, GstBuffer* buffer) {
    auto& state = *as_feed(parent)->state;
    auto* lane = static_cast<Lane*>(gst_pad_get_element_private(pad));
    const size_t size = gst_buffer_get_size(buffer);
    const gint64 now = g_get_monotonic_time();
    lane->last_arrival_us = now;
    {
        std::lock_guard lock(state.mutex);
        if (state.running && state.queued_bytes + size <= kQueueBytes) {
            state.queue.push_back({lane, buffer, now});
            state.queued_bytes += size;
            buffer = nullptr;
        }
    }
    if (buffer) {
        state.dropped++;
        gst_buffer_unref(buffer);
    } else
        state.changed.notify_one();
    return GST_FLOW_OK;
}

gboolean sink_event(GstPad*, GstObject*, GstEvent* event) {
    gst_event_unref(event);  // The caps stay with the pad.
    return TRUE;
}

gboolean src_event(GstPad* pad, GstObject*, GstEvent* event) {
    if (gst_event_has_name(event, "GstForceKeyUnit"))
        ask_for_key_frame(static_cast<Lane*>(gst_pad_get_element_private(pad))->sink);
    gst_event_unref(event);
    return TRUE;
}

void run(gpointer data) {
    feed_turn(as_feed(data));
}

void start_thread(Feed* self) {
    auto& state = *self->state;
    {
        std::lock_guard lock(state.mutex);
        state.running = true;
    }
    gst_task_start(state.task);
}

void stop_thread(Feed* self) {
    auto& state = *self->state;
    {
        std::lock_guard lock(state.mutex);
        state.running = false;
        for (const auto& arrival : state.queue) gst_buffer_unref(arrival.buffer);
        state.queue.clear();
        state.queued_bytes = 0;
    }
    state.changed.notify_all();
    gst_task_stop(state.task);
    gst_task_join(state.task);
    for (auto* lane : lanes_of(state)) {
        forget(*lane);
        g_clear_pointer(&lane->out, gst_object_unref);
    }
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
    if (change == GST_STATE_CHANGE_READY_TO_PAUSED)
        start_thread(as_feed(element));
    const auto result = GST_ELEMENT_CLASS(feed_parent_class)->change_state(element, change);
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
        stop_thread(as_feed(element));
    return result;
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    auto& state = *as_feed(object)->state;
    switch (id) {
        case 1:
            return g_value_set_uint64(value, state.packets);
        case 2:
            return g_value_set_uint64(value, state.bytes);
        case 3:
            return g_value_set_uint64(value, state.dropped);
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    auto* state = as_feed(object)->state;
    gst_object_unref(state->task);
    g_rec_mutex_clear(&state->task_lock);
    delete state;
    G_OBJECT_CLASS(feed_parent_class)->finalize(object);
}

}  // namespace

static void feed_class_init(FeedClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_feed_debug, "sluicefeed", 0, "where a branch begins");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->get_property = get_property;
    object->finalize = finalize;
    element->change_state = change_state;
    gst_element_class_set_static_metadata(element, "Sluice feed", "Filter/Network/RTP",
                                          "Gives a producer's tracks to one output after another, in step by "
                                          "the sender's clock; never pushes back",
                                          "sluice");
    static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE("sink_%u", GST_PAD_SINK, GST_PAD_SOMETIMES,
                                                               GST_STATIC_CAPS("application/x-rtp"));
    static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE("src_%u_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                                              GST_STATIC_CAPS("application/x-rtp"));
    gst_element_class_add_static_pad_template(element, &sink);
    gst_element_class_add_static_pad_template(element, &src);
    install_counter(object, 1, "packets", "Packets that went to an output");
    install_counter(object, 2, "bytes", "Bytes of them");
    install_counter(object, 3, "dropped",
                    "Packets that did not: the queue was full, or no output took them for too long");
}

static void feed_init(Feed* self) {
    self->state = new FeedState;
    g_rec_mutex_init(&self->state->task_lock);
    self->state->task = gst_task_new(run, self, nullptr);
    gst_task_set_lock(self->state->task, &self->state->task_lock);
}

void feed_listen(GstElement* feed, std::function<void(const FeedEvent&)> listener) {
    auto& state = *as_feed(feed)->state;
    std::lock_guard lock(state.mutex);
    state.listener = std::move(listener);
}

GstPad* feed_add_lane(GstElement* feed, bool video, uint32_t clock_rate) {
    auto& state = *as_feed(feed)->state;
    auto lane = std::make_unique<Lane>();
    auto* raw = lane.get();
    GstPad* pad = nullptr;
    {
        std::lock_guard lock(state.mutex);
        lane->index = static_cast<unsigned>(state.lanes.size());
        lane->video = video;
        state.timeline.add(clock_rate);
        const auto name = "sink_" + std::to_string(lane->index);
        pad = gst_pad_new_from_template(
            gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(feed), "sink_%u"), name.c_str());
        lane->sink = pad;
        state.lanes.push_back(std::move(lane));
    }
    gst_pad_set_element_private(pad, raw);
    gst_pad_set_chain_function(pad, chain);
    gst_pad_set_event_function(pad, sink_event);
    gst_pad_set_query_function(pad, live_query);
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(feed, GST_PAD(gst_object_ref(pad)));
    return pad;
}

GstPad* feed_add_output(GstElement* feed, unsigned output, unsigned lane) {
    auto& state = *as_feed(feed)->state;
    const auto name = "src_" + std::to_string(output) + "_" + std::to_string(lane);
    GstPad* pad = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(feed), "src_%u_%u"), name.c_str());
    gst_pad_set_event_function(pad, src_event);
    gst_pad_set_query_function(pad, live_query);
    {
        std::lock_guard lock(state.mutex);
        gst_pad_set_element_private(pad, state.lanes[lane].get());
        state.outputs.push_back({output, lane, pad});
    }
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(feed, GST_PAD(gst_object_ref(pad)));
    return pad;
}

void feed_remove_output(GstElement* feed, unsigned output) {
    auto& state = *as_feed(feed)->state;
    std::vector<GstPad*> pads;
    {
        std::lock_guard lock(state.mutex);
        std::erase_if(state.outputs, [&](const OutputPad& entry) {
            if (entry.output == output)
                pads.push_back(entry.pad);
            return entry.output == output;
        });
    }
    for (GstPad* pad : pads) {
        gst_pad_set_active(pad, FALSE);
        gst_element_remove_pad(feed, pad);
    }
}

void feed_switch(GstElement* feed, unsigned output) {
    auto& state = *as_feed(feed)->state;
    {
        std::lock_guard lock(state.mutex);
        state.wish = output;
    }
    feed_ask_for_key_frame(feed);
}

bool feed_stay(GstElement* feed) {
    auto& state = *as_feed(feed)->state;
    std::lock_guard lock(state.mutex);
    return std::exchange(state.wish, std::nullopt).has_value();
}

void feed_end(GstElement* feed) {
    auto& state = *as_feed(feed)->state;
    {
        std::lock_guard lock(state.mutex);
        state.end = true;
    }
    state.changed.notify_all();
}

void feed_ask_for_key_frame(GstElement* feed) {
    for (auto* lane : lanes_of(*as_feed(feed)->state))
        if (lane->video)
            ask_for_key_frame(lane->sink);
}

FeedCounters feed_counters(GstElement* feed) {
    auto& state = *as_feed(feed)->state;
    const gint64 now = g_get_monotonic_time();
    const auto since = [now](gint64 then) {
        return static_cast<GstClockTime>(std::max<gint64>(now - then, 0)) * GST_USECOND;
    };
    FeedCounters counters;
    counters.packets = state.packets;
    counters.bytes = state.bytes;
    counters.dropped = state.dropped;
    const gint64 pushing = state.pushing_since_us;
    counters.pushing = pushing ? since(pushing) : 0;
    std::lock_guard lock(state.mutex);
    counters.queued_bytes = state.queued_bytes;
    for (const auto& lane : state.lanes) {
        const gint64 last = lane->last_arrival_us;
        counters.silent.push_back(last ? since(last) : GST_CLOCK_TIME_NONE);
    }
    return counters;
}

}  // namespace sluice::elements
