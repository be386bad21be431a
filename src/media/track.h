#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "base/result.h"
#include "elements/fanout.h"
#include "elements/leg.h"
#include "gst/launch_template.h"
#include "gst/ref.h"
#include "media/pipeline.h"
#include "media/sdp/consumer_sdp.h"

namespace sluice::media {

/// Makes a source pad drop whatever comes and unlinks it; any thread. Without it an unlinked pad's NOT_LINKED
/// would stop all streams of its webrtcbin.
void silence(GstPad* source);

/// One track of a producer on its way to everybody: `sluicetrack ! tee` (pipelines/track.launch), and behind
/// the tee a `sluicefanout` for the consumers, or several with a thread each where they are many. It outlives
/// the producer's m-section and even its connection: a page reload feeds the same track again, so consumers
/// keep their m-section and SSRC. Scheduler thread, except feed().
class Track {
public:
    /// `network` is what its consumers are sent by, `name` unique in the pipeline.
    static Result<std::shared_ptr<Track>> create(const gst::LaunchTemplate& chain,
                                                 std::shared_ptr<Pipeline> pipeline, ice::Network& network,
                                                 const std::string& name, unsigned index,
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
    friend class BranchTap;
    explicit Track(ice::Network& network) : network_(network) {}
    GstElement* fanout_for_one_more();

    ice::Network& network_;
    std::shared_ptr<Pipeline> pipeline_;
    gst::Ref<GstElement> bin_;
    gst::Ref<GstElement> element_;
    gst::Ref<GstElement> tee_;
    std::vector<gst::Ref<GstElement>> fanouts_;
    gst::Ref<GstPad> sink_;  ///< The bin's.
    std::mutex feeding_;
    sdp::OutTrack description_;
};

/// One consumer's share of a track: a leg of one of its fan-outs. Closed until opened; destroying it takes it
/// off at once. Scheduler thread.
class Tap {
public:
    /// `name` is its pad's on the track, unique there.
    Tap(std::shared_ptr<Track> track, const std::string& name);
    ~Tap();
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;

    /// To a sink pad of another part of the pipeline; once.
    bool link(GstPad* sink);
    void set_open(bool open);
    void set_rtx(bool taken);  ///< See elements/leg.h.
    /// The fan-out's pad.
    GstPad* pad() const { return leg_.get(); }
    const elements::Leg& leg() const { return elements::leg_of(leg_.get()); }

private:
    std::shared_ptr<Track> track_;
    gst::Ref<GstPad> leg_;
    gst::Ref<GstPad> out_;  ///< The track bin's ghost of it.
};

}  // namespace sluice::media
