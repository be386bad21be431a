#pragma once

#include <memory>
#include <string>

#include "media/track.h"

namespace sluice::media {

/// A branch's share of a track: a `sluicegate` behind a pad of its tee. Closed until opened; destroying it
/// takes it off the tee at once and frees it on a tear-down thread. Scheduler thread.
class BranchTap {
public:
    /// `name` is its element's in the track's bin, unique there.
    BranchTap(std::shared_ptr<Track> track, const std::string& name);
    ~BranchTap();
    BranchTap(const BranchTap&) = delete;
    BranchTap& operator=(const BranchTap&) = delete;

    /// To a sink pad of another part of the pipeline; once.
    bool link(GstPad* sink);
    void set_open(bool open);

private:
    std::shared_ptr<Track> track_;
    gst::Ref<GstElement> gate_;
    gst::Ref<GstPad> tee_pad_;
    gst::Ref<GstPad> out_;  ///< The track bin's ghost of the gate's source pad.
};

}  // namespace sluice::media
