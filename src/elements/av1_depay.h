#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// `sluiceav1depay`: AV1 out of RTP ("RTP Payload Format For AV1", version 1.0, of the Alliance for Open
/// Media). GStreamer 1.22 has none; rtpav1depay of gst-plugins-rs 0.9 and later replaces it, where that is
/// installed. After a loss it asks for a key frame and gives nothing until that has come.
GType av1_depay_get_type();

}  // namespace sluice::elements
