#pragma once

#include <memory>

#include <gst/gst.h>

#include "elements/packet_history.h"

namespace sluice::elements {

/// `sluicetrack`: one RTP stream of a producer made uniform, see `gst-inspect`-like blurbs in track.cpp.
GType track_get_type();

/// The last packets of a track that is video; sound is not sent again.
std::shared_ptr<PacketHistory> history_of(GstElement* track);

/// The next packets come from another encoder (page reload): sequence numbers go on, timestamps go on by the
/// time that has passed, video begins with a key frame. Any thread.
void restart_track(GstElement* track);

}  // namespace sluice::elements
