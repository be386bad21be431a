#include "elements/mp4_mux.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "elements/mp4_boxes.h"

GST_DEBUG_CATEGORY_STATIC(sluice_mp4_mux_debug);
#define GST_CAT_DEFAULT sluice_mp4_mux_debug

namespace sluice::elements {
namespace {

constexpr GstClockTime kFragment = GST_SECOND;
constexpr uint32_t kSoundRate = 48'000;

/// A frame that is not written yet.
struct Frame {
    GstBuffer* buffer = nullptr;  ///< Owned.
    uint64_t time = 0;            ///< In the track's timescale.
    mp4::Sample sample;
};

struct Lane {
    mp4::Track track;
    GstSegment segment{};
    GstCaps* caps = nullptr;
    Frame held;                ///< The last one, whose duration only the next one tells.
    std::vector<Frame> ready;  ///< For the next fragment.
    bool ended = false;

    bool known() const { return !track.entry.empty(); }
};

struct Mux {
    std::mutex mutex;  ///< All; held while a fragment is pushed, which keeps the file in order.
    std::deque<Lane> lanes;
    uint64_t written = 0;  ///< Bytes.
    uint64_t movie_at = 0;
    uint32_t fragments = 0;
    GstClockTime fragment_began = GST_CLOCK_TIME_NONE;
    unsigned pads = 0;
    bool begun = false, done = false;
    GstFlowReturn flow = GST_FLOW_OK;
};

}  // namespace

struct Mp4Mux {
    GstElement element;
    GstPad* src;
    Mux* state;
};
struct Mp4MuxClass {
    GstElementClass parent;
};

G_DEFINE_TYPE(Mp4Mux, mp4_mux, GST_TYPE_ELEMENT)

namespace {

Mp4Mux* as_mux(gpointer object) {
    return reinterpret_cast<Mp4Mux*>(object);
}

Lane& lane_of(GstPad* pad) {
    return *static_cast<Lane*>(gst_pad_get_element_private(pad));
}

GstBuffer* buffer_of(const mp4::Bytes& bytes) {
    return gst_buffer_new_memdup(bytes.data(), bytes.size());
}

void push(Mp4Mux* self, GstBufferList* list) {
    auto& state = *self->state;
    state.written += gst_buffer_list_calculate_size(list);
    state.flow = gst_pad_push_list(self->src, list);
}

void push(Mp4Mux* self, const mp4::Bytes& bytes) {
    GstBufferList* list = gst_buffer_list_new();
    gst_buffer_list_add(list, buffer_of(bytes));
    push(self, list);
}

void seek(Mp4Mux* self, uint64_t offset) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    segment.start = offset;
    gst_pad_push_event(self->src, gst_event_new_segment(&segment));
}

std::vector<const mp4::Track*> known_tracks(const Mux& state) {
    std::vector<const mp4::Track*> tracks;
    for (const auto& lane : state.lanes)
        if (lane.known())
            tracks.push_back(&lane.track);
    return tracks;
}

void begin(Mp4Mux* self) {
    auto& state = *self->state;
    state.begun = true;
    gst_pad_push_event(self->src, gst_event_new_stream_start("mp4"));
    GstCaps* caps = gst_caps_new_simple("video/quicktime", "variant", G_TYPE_STRING, "iso", nullptr);
    gst_pad_push_event(self->src, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    seek(self, 0);
    push(self, mp4::file_type());
    state.movie_at = state.written;
    push(self, mp4::movie_to_come(known_tracks(state)));
}

/// What is ready becomes a fragment.
void flush(Mp4Mux* self) {
    auto& state = *self->state;
    state.fragment_began = GST_CLOCK_TIME_NONE;
    std::vector<mp4::Run> runs;
    for (const auto& lane : state.lanes) {
        if (lane.ready.empty())
            continue;
        mp4::Run run{lane.track.id, lane.ready.front().time, {}};
        for (const auto& frame : lane.ready) run.samples.push_back(frame.sample);
        runs.push_back(std::move(run));
    }
    if (runs.empty())
        return;
    if (!state.begun)
        begin(self);
    const auto header = mp4::fragment(++state.fragments, runs);
    GstBufferList* list = gst_buffer_list_new();
    gst_buffer_list_add(list, buffer_of(header));
    uint64_t at = state.written + header.size();
    for (auto& lane : state.lanes) {
        if (lane.ready.empty())
            continue;
        lane.track.chunks.push_back({at, static_cast<uint32_t>(lane.ready.size())});
        for (const auto& frame : lane.ready) {
            at += frame.sample.size;
            lane.track.duration += frame.sample.duration;
            lane.track.samples.push_back(frame.sample);
            gst_buffer_list_add(list, frame.buffer);
        }
        lane.ready.clear();
    }
    push(self, list);
}

void release_held(Lane& lane, uint64_t until) {
    lane.held.sample.duration = static_cast<uint32_t>(until - lane.held.time);
    lane.ready.push_back(lane.held);
    lane.held = {};
}

/// As long as the one before it.
void release_last(Lane& lane) {
    if (!lane.held.buffer)
        return;
    uint32_t duration = lane.track.timescale / 50;
    if (!lane.ready.empty())
        duration = lane.ready.back().sample.duration;
    else if (!lane.track.samples.empty())
        duration = lane.track.samples.back().duration;
    release_held(lane, lane.held.time + duration);
}

/// The file in one piece: its table at the end, and what is before it data. Until the last of these writes it
/// is one in fragments still.
void finish(Mp4Mux* self) {
    auto& state = *self->state;
    state.done = true;
    for (auto& lane : state.lanes) release_last(lane);
    flush(self);
    if (state.begun && state.flow == GST_FLOW_OK) {
        const uint64_t end = state.written;
        push(self, mp4::whole_movie(known_tracks(state)));
        seek(self, state.movie_at);
        push(self, mp4::data_header(end - state.movie_at));
    }
    gst_pad_push_event(self->src, gst_event_new_eos());
}

/// By the caps and, for AV1, the first frame; empty: it cannot be said yet.
mp4::Bytes entry_of(Lane& lane, GstBuffer* first) {
    const GstStructure* caps = gst_caps_get_structure(lane.caps, 0);
    int width = 0, height = 0, channels = 2;
    gst_structure_get_int(caps, "channels", &channels);
    gst_structure_get_int(caps, "width", &width);
    gst_structure_get_int(caps, "height", &height);
    lane.track.width = static_cast<uint32_t>(width);
    lane.track.height = static_cast<uint32_t>(height);
    const std::string media = gst_structure_get_name(caps);
    if (media == "audio/x-opus")
        return mp4::opus_entry(static_cast<uint8_t>(channels));
    GstBuffer* data = first;
    if (media == "video/x-h264") {
        const GValue* config = gst_structure_get_value(caps, "codec_data");
        if (!config)
            return {};
        data = gst_value_get_buffer(config);
    }
    GstMapInfo map;
    gst_buffer_map(data, &map, GST_MAP_READ);
    mp4::Bytes entry;
    if (media == "video/x-h264")
        entry =
            mp4::h264_entry(lane.track.width, lane.track.height, mp4::Bytes(map.data, map.data + map.size));
    else if (media == "video/x-av1")
        entry = mp4::av1_entry(lane.track.width, lane.track.height, map.data, map.size);
    else {
        const char* profile = gst_structure_get_string(caps, "profile");
        guint depth = 8;
        gst_structure_get_uint(caps, "bit-depth-luma", &depth);
        entry = mp4::vp9_entry(lane.track.width, lane.track.height,
                               static_cast<uint8_t>(profile ? g_ascii_digit_value(*profile) : 0),
                               static_cast<uint8_t>(depth));
    }
    gst_buffer_unmap(data, &map);
    return entry;
}

/// AV1's temporal delimiter is to be left out (AV1 Codec ISO Media File Format Binding, section 2.4).
GstBuffer* without_delimiter(GstBuffer* unit) {
    constexpr uint8_t kDelimiter[] = {0x12, 0};
    if (gst_buffer_memcmp(unit, 0, kDelimiter, sizeof kDelimiter) != 0)
        return unit;
    unit = gst_buffer_make_writable(unit);
    gst_buffer_resize(unit, sizeof kDelimiter, -1);
    return unit;
}

/// Whether the file can begin: what all tracks are is known, but for those that never came.
bool may_begin(const Mux& state) {
    return std::ranges::all_of(state.lanes, [](const Lane& lane) { return lane.known() || lane.ended; });
}

GstFlowReturn chain(GstPad* pad, GstObject* parent, GstBuffer* buffer) {
    auto* self = as_mux(parent);
    auto& state = *self->state;
    auto& lane = lane_of(pad);
    std::lock_guard lock(state.mutex);
    const GstClockTime time =
        gst_segment_to_running_time(&lane.segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (lane.caps && !lane.known())
        lane.track.entry = entry_of(lane, buffer);
    if (!lane.known() || !GST_CLOCK_TIME_IS_VALID(time)) {
        GST_WARNING_OBJECT(pad, "a frame that cannot be used: %s",
                           lane.known() ? "it has no time" : "it is not known what it is");
        gst_buffer_unref(buffer);
        return GST_FLOW_OK;
    }
    if (gst_structure_has_name(gst_caps_get_structure(lane.caps, 0), "video/x-av1"))
        buffer = without_delimiter(buffer);
    uint64_t now = gst_util_uint64_scale_round(time, lane.track.timescale, GST_SECOND);
    if (lane.held.buffer) {
        now = std::max(now, lane.held.time);
        if (now - lane.held.time > UINT32_MAX) {
            GST_ELEMENT_ERROR(
                self, STREAM, MUX,
                ("a silence of more than %u s does not fit into MP4", UINT32_MAX / lane.track.timescale),
                (nullptr));
            gst_buffer_unref(buffer);
            return state.flow = GST_FLOW_ERROR;
        }
        release_held(lane, now);
    } else
        lane.track.start = now;
    lane.held = {buffer,
                 now,
                 {.size = static_cast<uint32_t>(gst_buffer_get_size(buffer)),
                  .duration = 0,
                  .sync = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)}};
    if (!GST_CLOCK_TIME_IS_VALID(state.fragment_began))
        state.fragment_began = time;
    if (time >= state.fragment_began + kFragment && (state.begun || may_begin(state)))
        flush(self);
    return state.flow;
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    auto* self = as_mux(parent);
    auto& state = *self->state;
    auto& lane = lane_of(pad);
    std::lock_guard lock(state.mutex);
    switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_CAPS: {
            GstCaps* caps = nullptr;
            gst_event_parse_caps(event, &caps);
            gst_caps_replace(&lane.caps, caps);
            break;
        }
        case GST_EVENT_SEGMENT:
            gst_event_copy_segment(event, &lane.segment);
            break;
        case GST_EVENT_EOS:
            lane.ended = true;
            if (!state.done && std::ranges::all_of(state.lanes, &Lane::ended))
                finish(self);
            break;
        default:  // A gap needs no word.
            break;
    }
    gst_event_unref(event);
    return TRUE;
}

GstPad* request_new_pad(GstElement* element, GstPadTemplate* pad_template, const gchar*, const GstCaps*) {
    auto* self = as_mux(element);
    auto& state = *self->state;
    const bool video = g_str_has_prefix(GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template), "video");
    const auto name = std::string(video ? "video_" : "audio_") + std::to_string(state.pads++);
    GstPad* pad = gst_pad_new_from_template(pad_template, name.c_str());
    {
        std::lock_guard lock(state.mutex);
        auto& lane = state.lanes.emplace_back();
        lane.track.id = static_cast<uint32_t>(state.lanes.size());
        lane.track.video = video;
        lane.track.timescale = video ? mp4::kTimescale : kSoundRate;
        gst_segment_init(&lane.segment, GST_FORMAT_TIME);
        gst_pad_set_element_private(pad, &lane);
    }
    gst_pad_set_chain_function(pad, chain);
    gst_pad_set_event_function(pad, sink_event);
    gst_element_add_pad(element, pad);
    return pad;
}

/// Its lane stays: what has come of it is written yet.
void release_pad(GstElement* element, GstPad* pad) {
    {
        auto& state = *as_mux(element)->state;
        std::lock_guard lock(state.mutex);
        lane_of(pad).ended = true;
    }
    gst_element_remove_pad(element, pad);
}

void finalize(GObject* object) {
    auto* self = as_mux(object);
    for (auto& lane : self->state->lanes) {
        gst_caps_replace(&lane.caps, nullptr);
        for (const auto& frame : lane.ready) gst_buffer_unref(frame.buffer);
        if (lane.held.buffer)
            gst_buffer_unref(lane.held.buffer);
    }
    delete self->state;
    G_OBJECT_CLASS(mp4_mux_parent_class)->finalize(object);
}

}  // namespace

static void mp4_mux_class_init(Mp4MuxClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_mp4_mux_debug, "sluicemp4mux", 0, "MP4 files");
    auto* element = GST_ELEMENT_CLASS(klass);
    G_OBJECT_CLASS(klass)->finalize = finalize;
    element->request_new_pad = request_new_pad;
    element->release_pad = release_pad;
    gst_element_class_set_static_metadata(element, "Sluice MP4 muxer", "Codec/Muxer",
                                          "Writes an MP4 file that can be torn at any time", "sluice");
    static GstStaticPadTemplate sound =
        GST_STATIC_PAD_TEMPLATE("audio_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                                GST_STATIC_CAPS("audio/x-opus, channel-mapping-family=0, channels=[1,2]"));
    static GstStaticPadTemplate picture =
        GST_STATIC_PAD_TEMPLATE("video_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                                GST_STATIC_CAPS("video/x-h264, stream-format=avc, alignment=au; video/x-vp9; "
                                                "video/x-av1, stream-format=obu-stream, alignment=tu"));
    static GstStaticPadTemplate file = GST_STATIC_PAD_TEMPLATE(
        "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/quicktime, variant=iso"));
    for (auto* each : {&sound, &picture, &file}) gst_element_class_add_static_pad_template(element, each);
}

static void mp4_mux_init(Mp4Mux* self) {
    self->state = new Mux;
    self->src = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), "src"), "src");
    gst_pad_use_fixed_caps(self->src);
    gst_element_add_pad(&self->element, self->src);
}

}  // namespace sluice::elements
