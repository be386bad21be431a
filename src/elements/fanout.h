#pragma once

#include <gst/gst.h>

#include "ice/network.h"

namespace sluice::elements {

class Leg;

/// `sluicefanout`: one track to many consumers. Each request pad is a leg (elements/leg.h), isolated from the
/// others and from the track: whatever is behind it, upstream gets OK, and only its requests for key frames.
GType fanout_get_type();

/// What its express legs send by; before any of them. It outlives the element.
void set_network(GstElement* fanout, ice::Network& network);

/// The leg of a request pad of a sluicefanout; lives as long as the pad.
Leg& leg_of(GstPad* pad);
/// Asks whoever sends to the fan-out for a key frame, as this leg. Any thread.
void ask_for_key_frame_of(GstPad* leg);

/// A leg that opens has a key frame asked for at once.
void open_leg(GstPad* pad, bool open);

}  // namespace sluice::elements
