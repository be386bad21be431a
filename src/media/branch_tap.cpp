#include "media/branch_tap.h"

#include <utility>

namespace sluice::media {

BranchTap::BranchTap(std::shared_ptr<Track> track, const std::string& name)
    : track_(std::move(track)),
      gate_(gst::Ref<GstElement>::sink(gst_element_factory_make("sluicegate", name.c_str()))),
      tee_pad_(gst::Ref<GstPad>::adopt(gst_element_request_pad_simple(track_->tee_.get(), "src_%u"))) {
    gst_bin_add(GST_BIN(track_->bin_.get()), gate_.get());
    const auto inner = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(gate_.get(), "src"));
    out_ = gst::Ref<GstPad>::retain(gst_ghost_pad_new(name.c_str(), inner.get()));
    gst_pad_set_active(out_.get(), TRUE);
    gst_element_add_pad(track_->bin_.get(), out_.get());
    gst_element_sync_state_with_parent(gate_.get());
}

BranchTap::~BranchTap() {
    set_open(false);
    const auto gate_sink = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(gate_.get(), "sink"));
    gst_pad_unlink(tee_pad_.get(), gate_sink.get());
    gst_element_release_request_pad(track_->tee_.get(), tee_pad_.get());
    std::string name = std::string("gate ") + GST_OBJECT_NAME(gate_.get());
    // A packet may still be on its way through the gate: NULL waits for it.
    track_->pipeline_->tear_down().run(std::move(name), [gate = std::move(gate_), out = std::move(out_),
                                                         track = track_->bin_, pipeline = track_->pipeline_] {
        gst_element_set_locked_state(gate.get(), TRUE);
        gst_element_set_state(gate.get(), GST_STATE_NULL);
        gst_pad_set_active(out.get(), FALSE);
        gst_element_remove_pad(track.get(), out.get());
        gst_bin_remove(GST_BIN(track.get()), gate.get());
    });
}

bool BranchTap::link(GstPad* sink) {
    const auto gate_sink = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(gate_.get(), "sink"));
    return gst_pad_link(out_.get(), sink) == GST_PAD_LINK_OK &&
           gst_pad_link(tee_pad_.get(), gate_sink.get()) == GST_PAD_LINK_OK;
}

void BranchTap::set_open(bool open) {
    g_object_set(gate_.get(), "open", open, nullptr);
}

}  // namespace sluice::media
