#pragma once

#define GST_USE_UNSTABLE_API
#include <nice/agent.h>
#include <string>
#include <vector>

#include <gst/webrtc/nice/nice.h>

#include "gst/ref.h"
#include "ice/network.h"

namespace sluice::ice {

/// A GstWebRTCNice that leaves credentials and remote candidates to us: webrtcbin knows nothing of an ICE
/// restart, and would undo it with the next description. One stream.
gst::Ref<GstWebRTCICE> new_full_agent(const Options& options, const std::vector<std::string>& addresses);
/// libnice's.
gst::Ref<NiceAgent> nice_agent_of(GstWebRTCICE* agent);
/// The number of its stream with libnice; 0: webrtcbin has not made it yet.
guint stream_of(GstWebRTCICE* agent);

}  // namespace sluice::ice
