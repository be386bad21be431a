#include "media/segment.h"

#include <utility>

#include "elements/feed.h"
#include "media/heed_gaps.h"
#include "media/rtp_description.h"

namespace sluice::media {
namespace {

/// Muxers refuse a track whose caps change, as they do when a picture changes its size. The frames say their
/// size themselves, and every player goes by that.
GstPadProbeReturn keep_first_caps(GstPad* pad, GstPadProbeInfo* info, gpointer) noexcept {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    return GST_EVENT_TYPE(event) == GST_EVENT_CAPS && gst_pad_has_current_caps(pad) ? GST_PAD_PROBE_DROP
                                                                                    : GST_PAD_PROBE_OK;
}

gboolean adapt(GstElement* mux, GstPad* pad, gpointer) {
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, keep_first_caps, nullptr, nullptr);
    heed_gaps(mux, pad);
    return TRUE;
}

}  // namespace

Segment::Segment(GstBin* branch, GstElement* feed, SegmentPlan plan)
    : branch_(gst::Ref<GstElement>::retain(GST_ELEMENT(branch))),
      feed_(gst::Ref<GstElement>::retain(feed)),
      plan_(std::move(plan)) {}

Result<std::shared_ptr<Segment>> Segment::open(GstBin* branch, GstElement* feed, SegmentPlan plan) {
    std::shared_ptr<Segment> self(new Segment(branch, feed, std::move(plan)));
    if (const auto location = self->plan_.values.find("location"); location != self->plan_.values.end()) {
        auto file = RecordingFile::create(std::get<std::string>(location->second));
        if (!file)
            return file.error();
        self->file_ = std::move(file).value();
        location->second = self->file_->part();
        self->path_ = self->file_->path();
        self->plan_.sidecar.segments.push_back(self->path_.substr(self->path_.rfind('/') + 1));
    }
    if (const auto sdp = self->plan_.values.find(self->plan_.chain->sdp()); sdp != self->plan_.values.end()) {
        self->sdp_path_ = std::get<std::string>(sdp->second);
        self->plan_.values.erase(sdp);
    }
    auto done = self->describe(self->plan_.sidecar);
    if (done)
        done = self->build();
    if (done)
        return self;
    self->discard();
    return done.error();
}

Status Segment::build() {
    std::vector<std::string> parts;
    for (const auto& lane : plan_.lanes) parts.push_back(lane.part);
    auto bin = plan_.chain->build(plan_.values, parts);
    if (!bin)
        return bin.error();
    bin_ = std::move(bin).value();
    gst_object_set_name(GST_OBJECT(bin_.get()), name().c_str());
    if (const auto mux = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), "mux")))
        gst_element_foreach_sink_pad(mux.get(), adapt, nullptr);
    gst_bin_add(GST_BIN(branch_.get()), bin_.get());
    for (const auto& lane : plan_.lanes) {
        const auto element =
            gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), lane.kind.c_str()));
        const auto inner = element
                               ? gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element.get(), "sink"))
                               : gst::Ref<GstPad>();
        if (!inner)
            return Error{ErrorCode::Internal, plan_.chain->name() + ": [" + lane.part +
                                                  "] has no element named \"" + lane.kind +
                                                  "\" with a pad \"sink\""};
        GstPad* ghost = gst_ghost_pad_new(lane.kind.c_str(), inner.get());
        gst_element_add_pad(bin_.get(), ghost);
        const auto out =
            gst::Ref<GstPad>::adopt(elements::feed_add_output(feed_.get(), plan_.number, lane.index));
        if (gst_pad_link(out.get(), ghost) != GST_PAD_LINK_OK)
            return Error{ErrorCode::Internal,
                         plan_.chain->name() + ": \"" + lane.kind + "\" does not take RTP"};
    }
    if (!gst_element_sync_state_with_parent(bin_.get()))
        return Error{ErrorCode::Internal, plan_.chain->name() + ": cannot be started"};
    return Ok{};
}

Segment::~Segment() {
    close_bin();
}

void Segment::close_bin() {
    if (const auto path = std::exchange(sdp_path_, {}); !path.empty())
        remove_rtp_description(path, plan_);
    if (!bin_)
        return;
    gst_element_set_locked_state(bin_.get(), TRUE);
    gst_element_set_state(bin_.get(), GST_STATE_NULL);
    elements::feed_remove_output(feed_.get(), plan_.number);
    gst_bin_remove(GST_BIN(branch_.get()), bin_.get());
    bin_ = {};
}

Status Segment::describe(const Sidecar& sidecar) {
    std::lock_guard lock(mutex_);
    if (!sdp_path_.empty())
        if (const auto written = write_rtp_description(sdp_path_, plan_); !written)
            return written;
    return file_ ? file_->describe(sidecar) : Status(Ok{});
}

Result<uint64_t> Segment::sync() {
    std::lock_guard lock(mutex_);
    return file_ ? file_->sync() : Result<uint64_t>(uint64_t{0});
}

Status Segment::finish(const Sidecar& end) {
    std::lock_guard lock(mutex_);
    close_bin();
    const auto file = std::move(file_);
    return file ? file->finish(end) : Status(Ok{});
}

void Segment::abandon(const Sidecar& end) {
    std::lock_guard lock(mutex_);
    close_bin();
    if (file_)
        (void)file_->describe(end);  // The disk may be full; what is there says enough.
    file_.reset();
}

void Segment::discard() {
    std::lock_guard lock(mutex_);
    close_bin();
    if (file_)
        file_->discard();
    file_.reset();
}

}  // namespace sluice::media
