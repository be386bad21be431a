#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// "srtpdec", in the place of gst-plugins-bad's, for the reasons that srtp_enc.h gives.
///
/// Pad rtp_sink takes RTP and RTCP (RFC 5761), which leave by rtp_src and rtcp_src; rtcp_sink takes nothing.
/// The signal request-key asks for the key, in caps as dtlssrtpdec gives them, until it comes. What is
/// dropped is counted in without-key, malformed, not-authentic and replayed.
GType srtp_dec_get_type();

}  // namespace sluice::elements
