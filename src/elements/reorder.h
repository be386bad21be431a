#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// `sluicereorder`: rtpbin's jitter buffer (its signal `request-jitterbuffer`) for a server that plays
/// nothing. What is in order goes on at once and on the thread that brought it; rtpjitterbuffer hands each
/// packet to a thread of its own, and keeps another for its timers. Its properties are those of
/// rtpjitterbuffer that webrtcbin sets. Missing packets are asked for where the payload type's caps have
/// `rtcp-fb-nack`; else they are waited for no longer than they may have been overtaken.
GType reorder_get_type();

}  // namespace sluice::elements
