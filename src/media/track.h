#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include <gst/gst.h>

#include "base/result.h"
#include "gst/launch_template.h"
#include "gst/ref.h"
#include "media/pipeline.h"
#include "media/sdp/consumer_sdp.h"

namespace sluice::media {

/// Makes a source pad drop whatever comes and unlinks it; any thread. Without it an unlinked pad's NOT_LINKED
/// would stop all streams of its webrtcbin.
void silence(GstPad* source);

/// One track of a producer on its way to everybody: `sluicetrack ! tee` (pipelines/track.launch). It outlives
/// the producer's m-section and even its connection: a page reload feeds the same track again, so consumers
/// keep their m-section and SSRC. Scheduler thread, except feed().
class Track {
public:
    static Result<std::shared_ptr<Track>> create(const gst::LaunchTemplate& chain,
                                                 std::shared_ptr<Pipeline> pipeline, unsigned index,
                                                 const sdp::InTrack& source, const std::string& cname);
    ~Track();
    Track(const Track&) = delete;
    Track& operator=(const Track&) = delete;

    /// What consumers are told. `active` follows the producer's m-section.
    const sdp::OutTrack& description() const { return description_; }
    void set_active(bool active) { description_.active = active; }
    /// A dormant track may carry another m-section that sends the same codec with the same parameters.
    bool fits(const sdp::InTrack& source) const;

    /// Takes `source`'s header extensions from now on. `restart`: another encoder (page reload, another
    /// m-section).
    void set_source(const sdp::InTrack& source, bool restart);
    /// Links a source pad of the producer's webrtcbin; any thread. The pad that was linked before is
    /// silenced.
    void feed(GstPad* source);
    /// Nothing passes before the producer's certificate has been checked.
    void set_open(bool open);
    void set_muted(bool muted);
    bool flowing() const;

    /// "packets", "bytes", "dropped", "key-frame-requests" of sluicetrack.
    guint64 counter(const char* property) const;

private:
    friend class Tap;
    Track() = default;

    std::shared_ptr<Pipeline> pipeline_;
    gst::Ref<GstElement> bin_;
    gst::Ref<GstElement> element_;
    gst::Ref<GstElement> tee_;
    gst::Ref<GstPad> sink_;  ///< The bin's.
    std::mutex feeding_;
    sdp::OutTrack description_;
};

/// One consumer's share of a track: a `sluicegate` behind a pad of its tee. Closed until opened; destroying
/// it takes it off the tee at once and frees it on a tear-down thread. Scheduler thread.
class Tap {
public:
    Tap(std::shared_ptr<Track> track, const std::string& name);
    ~Tap();
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;

    /// To a sink pad of another part of the pipeline; once.
    bool link(GstPad* sink);
    void set_open(bool open);
    const Track& track() const { return *track_; }
    /// "packets", "bytes", "dropped" of sluicegate.
    guint64 counter(const char* property) const;

private:
    std::shared_ptr<Track> track_;
    gst::Ref<GstElement> gate_;
    gst::Ref<GstPad> tee_pad_;
    gst::Ref<GstPad> out_;  ///< The track bin's ghost of the gate's source pad.
};

}  // namespace sluice::media
