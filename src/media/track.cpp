#include "media/track.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "elements/track.h"

namespace sluice::media {
namespace {

/// The last of them waits half a millisecond for a packet. A thread that is woken costs as much as half a
/// dozen.
constexpr guint kLegsPerFanout = 128;

guint64 counter_of(GstElement* element, const char* property) {
    guint64 value = 0;
    g_object_get(element, property, &value, nullptr);
    return value;
}

/// "4:1,3:2": a producer's header extension id and ours.
std::string extension_map(const sdp::InTrack& source) {
    std::string map;
    for (const auto& extension : source.extensions)
        if (const int ours = sdp::pass_through(extension.uri))
            map += (map.empty() ? "" : ",") + std::to_string(extension.id) + ":" + std::to_string(ours);
    return map;
}

}  // namespace

void silence(GstPad* source) {
    constexpr auto kAll = static_cast<GstPadProbeType>(
        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
    gst_pad_add_probe(
        source, kAll, [](GstPad*, GstPadProbeInfo*, gpointer) noexcept { return GST_PAD_PROBE_DROP; },
        nullptr, nullptr);
    if (const auto peer = gst::Ref<GstPad>::adopt(gst_pad_get_peer(source)))
        gst_pad_unlink(source, peer.get());
}

Result<std::shared_ptr<Track>> Track::create(const gst::LaunchTemplate& chain,
                                             std::shared_ptr<Pipeline> pipeline, ice::Network& network,
                                             const std::string& name, unsigned index,
                                             const sdp::InTrack& source, const std::string& cname) {
    std::shared_ptr<Track> self(new Track(network));
    self->pipeline_ = std::move(pipeline);

    auto& out = self->description_;
    out.mid = std::to_string(index);
    out.kind = source.kind;
    out.codec = source.codec;
    out.codec.payload_type = sdp::payload_type_of(source.codec);
    out.ssrc = g_random_int_range(1, G_MAXINT32);
    if (source.kind == sdp::Kind::Video) {
        out.rtx_ssrc = g_random_int_range(1, G_MAXINT32);
        out.rtx_payload_type = sdp::rtx_payload_type_of(source.codec);
    }
    out.stream_id = source.stream_id.empty() ? cname : source.stream_id;
    out.track_id = cname + "-" + out.mid;
    out.cname = cname;

    auto bin = chain.build({{"codec", out.codec.name},
                            {"ssrc", static_cast<long>(out.ssrc)},
                            {"payload", static_cast<long>(out.codec.payload_type)},
                            {"caps", sdp::track_caps(out)}});
    if (!bin)
        return bin.error();
    self->bin_ = std::move(bin).value();
    gst_object_set_name(GST_OBJECT(self->bin_.get()), name.c_str());
    self->element_ = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(self->bin_.get()), "track"));
    self->tee_ = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(self->bin_.get()), "tee"));
    if (!self->element_ || !self->tee_)
        return Error{ErrorCode::Internal, chain.name() + ": no element named \"track\" or \"tee\""};
    const auto inner = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(self->element_.get(), "sink"));
    self->sink_ = gst::Ref<GstPad>::retain(gst_ghost_pad_new("sink", inner.get()));
    gst_element_add_pad(self->bin_.get(), self->sink_.get());
    gst_bin_add(self->pipeline_->bin(), self->bin_.get());
    gst_element_sync_state_with_parent(self->bin_.get());
    self->set_source(source, false);
    return self;
}

Track::~Track() {
    if (!bin_)
        return;
    if (sink_)
        if (const auto peer = gst::Ref<GstPad>::adopt(gst_pad_get_peer(sink_.get())))
            silence(peer.get());
    pipeline_->tear_down().run("track", [bin = std::move(bin_), pipeline = std::move(pipeline_)] {
        gst_element_set_locked_state(bin.get(), TRUE);
        gst_element_set_state(bin.get(), GST_STATE_NULL);
        gst_bin_remove(pipeline->bin(), bin.get());
    });
}

bool Track::fits(const sdp::InTrack& source) const {
    return source.kind == description_.kind && source.codec.name == description_.codec.name &&
           (source.kind == sdp::Kind::Audio || source.codec.fmtp == description_.codec.fmtp);
}

void Track::set_source(const sdp::InTrack& source, bool restart) {
    g_object_set(element_.get(), "extensions", extension_map(source).c_str(), nullptr);
    if (restart)
        elements::restart_track(element_.get());
}

void Track::feed(GstPad* source) {
    std::lock_guard lock(feeding_);
    if (const auto before = gst::Ref<GstPad>::adopt(gst_pad_get_peer(sink_.get())))
        silence(before.get());
    gst_pad_link(source, sink_.get());
}

void Track::set_open(bool open) {
    g_object_set(element_.get(), "open", open, nullptr);
}

void Track::set_muted(bool muted) {
    g_object_set(element_.get(), "muted", muted, nullptr);
}

bool Track::flowing() const {
    gboolean muted = FALSE;
    g_object_get(element_.get(), "muted", &muted, nullptr);
    return description_.active && !muted;
}

guint64 Track::counter(const char* property) const {
    return counter_of(element_.get(), property);
}

/// The fan-out with the fewest legs; they stay where they are. Few consumers are served on the thread that
/// brings the packet: waking another would cost more than they do.
GstElement* Track::fanout_for_one_more() {
    const auto legs_of = [](const gst::Ref<GstElement>& fanout) {
        guint legs = 0;
        g_object_get(fanout.get(), "legs", &legs, nullptr);
        return legs;
    };
    const auto least = std::ranges::min_element(fanouts_, {}, legs_of);
    if (least != fanouts_.end() &&
        (legs_of(*least) < kLegsPerFanout || fanouts_.size() >= std::thread::hardware_concurrency()))
        return least->get();
    const auto name = "fanout" + std::to_string(fanouts_.size());
    GstElement* fanout =
        fanouts_
            .emplace_back(gst::Ref<GstElement>::sink(gst_element_factory_make("sluicefanout", name.c_str())))
            .get();
    elements::set_network(fanout, network_);
    if (fanouts_.size() > 1)
        for (const auto& each : fanouts_) g_object_set(each.get(), "threaded", TRUE, nullptr);
    gst_bin_add(GST_BIN(bin_.get()), fanout);
    gst_element_sync_state_with_parent(fanout);
    gst_element_link(tee_.get(), fanout);
    return fanout;
}

Tap::Tap(std::shared_ptr<Track> track, const std::string& name)
    : track_(std::move(track)),
      leg_(gst::Ref<GstPad>::adopt(gst_element_request_pad_simple(track_->fanout_for_one_more(), "src_%u"))) {
    const auto& out = track_->description();
    if (out.rtx_payload_type >= 0)
        elements::leg_of(leg_.get())
            .set_retransmission(elements::history_of(track_->element_.get()), out.rtx_payload_type,
                                out.rtx_ssrc);
    out_ = gst::Ref<GstPad>::retain(gst_ghost_pad_new(name.c_str(), leg_.get()));
    gst_pad_set_active(out_.get(), TRUE);
    gst_element_add_pad(track_->bin_.get(), out_.get());
}

Tap::~Tap() {
    set_open(false);
    const auto fanout = gst::Ref<GstElement>::adopt(gst_pad_get_parent_element(leg_.get()));
    gst_element_release_request_pad(fanout.get(), leg_.get());
    gst_pad_set_active(out_.get(), FALSE);
    gst_element_remove_pad(track_->bin_.get(), out_.get());
}

bool Tap::link(GstPad* sink) {
    return gst_pad_link(out_.get(), sink) == GST_PAD_LINK_OK;
}

void Tap::set_rtx(bool taken) {
    elements::leg_of(leg_.get()).set_rtx(taken);
}

void Tap::set_open(bool open) {
    elements::open_leg(leg_.get(), open);
}

}  // namespace sluice::media
