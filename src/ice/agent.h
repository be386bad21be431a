#pragma once

#define GST_USE_UNSTABLE_API
#include <functional>
#include <memory>

#include <gst/gst.h>

#include "gst/ref.h"
#include "ice/network.h"

namespace sluice::ice {

/// A webrtcbin whose transport is a peer of a Network (a GstWebRTCICE of our own instead of libnice).
struct WebrtcBin {
    gst::Ref<GstElement> element;  ///< bundle-policy is max-bundle: there is one transport.
    std::shared_ptr<Peer>
        peer;  ///< There from the start: local credentials are known before any description.
};

/// `on_state` is called on the network's control thread (never the one that reads the sockets) and must only
/// post; not called any more once Peer::close() has returned. The network must outlive element and peer.
WebrtcBin make_webrtcbin(Network& network, const char* name, std::function<void(PeerState)> on_state);

}  // namespace sluice::ice
