#pragma once

#define GST_USE_UNSTABLE_API
#include <memory>

#include <gst/gst.h>
#include <gst/webrtc/webrtc.h>

#include "ice/lite_peer.h"

namespace sluice::ice {

/// A GstWebRTCICETransport over a peer, with the elements that webrtcbin takes from it: `src`
/// ("sluiceicesrc") pushes what the network thread delivers, `sink` ("sluiceicesink") sends. (transfer full)
GstWebRTCICETransport* new_transport(std::shared_ptr<LitePeer> peer);

}  // namespace sluice::ice
