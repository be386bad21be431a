#pragma once

#define GST_USE_UNSTABLE_API
#include <memory>

#include <gst/gst.h>

#include "gst/ref.h"
#include "ice/network.h"

namespace sluice::ice {

/// A webrtcbin whose transport is a peer of a Network. Empty: GStreamer has no webrtcbin.
struct WebrtcBin {
    gst::Ref<GstElement> element;  ///< bundle-policy is max-bundle: there is one transport.
    std::shared_ptr<Peer> peer;
};

}  // namespace sluice::ice
