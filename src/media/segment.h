#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "base/result.h"
#include "gst/launch_template.h"
#include "gst/ref.h"
#include "media/recording_file.h"
#include "media/sdp/consumer_sdp.h"

namespace sluice::media {

/// What a segment is made of.
struct SegmentPlan {
    struct Lane {
        unsigned index;    ///< Of the feed.
        std::string kind;  ///< "audio", "video": the name of the element that takes it.
        std::string part;  ///< Of the template: "audio opus".
        sdp::OutTrack track;
    };
    const gst::LaunchTemplate* chain;
    unsigned number;
    std::vector<Lane> lanes;
    gst::LaunchValues values;
    Sidecar sidecar;
};

/// A branch's template at work, from a key frame on: a bin behind one output of the branch's feed, and the
/// file it writes, if its template has a hole "location". What is called here waits for disks and streaming
/// threads: worker threads only, one call at a time.
class Segment {
public:
    /// Builds it, links it to the feed and sets it going; it waits for feed_switch().
    static Result<std::shared_ptr<Segment>> open(GstBin* branch, GstElement* feed, SegmentPlan plan);
    ~Segment();
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;

    unsigned number() const { return plan_.number; }
    const std::vector<SegmentPlan::Lane>& lanes() const { return plan_.lanes; }
    std::string name() const { return "segment-" + std::to_string(plan_.number); }

    /// In the file beside it, and in that for who is to play it; without them nothing happens.
    Status describe(const Sidecar& sidecar);
    /// What has been written is on the disk; how much.
    Result<uint64_t> sync();
    /// After its EOS: the file is whole, and gets its name.
    Status finish(const Sidecar& end);
    /// Leaves what there is, for the next start of the server or leftovers.h.
    void abandon(const Sidecar& end);
    /// Nothing has come.
    void discard();

    /// As it was planned, with its name among the segments.
    const Sidecar& sidecar() const { return plan_.sidecar; }
    /// Of its file once it is whole; empty: it has none.
    const std::string& path() const { return path_; }

private:
    Segment(GstBin* branch, GstElement* feed, SegmentPlan plan);
    Status build();
    void close_bin();

    gst::Ref<GstElement> branch_;
    gst::Ref<GstElement> feed_;
    SegmentPlan plan_;
    std::string path_;
    std::string sdp_path_;

    std::mutex mutex_;  // the rest, once it is open
    gst::Ref<GstElement> bin_;
    std::unique_ptr<RecordingFile> file_;
};

}  // namespace sluice::media
