#pragma once

#include <memory>
#include <span>

#include <gst/gst.h>

#include "ice/lite_peer.h"

namespace sluice::ice {

/// "sluiceicesrc": gives what comes from one peer. (transfer floating)
GstElement* new_source();
/// Pushes one datagram; the network thread. webrtcbin's receive queue is behind it, so it does not block.
void push(GstElement* source, std::span<const uint8_t> datagram);

/// "sluiceicesink": sends to one peer; always OK. (transfer floating)
GstElement* new_sink(std::shared_ptr<LitePeer> peer);

}  // namespace sluice::ice
