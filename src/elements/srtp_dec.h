#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <gst/gst.h>

namespace sluice::elements {

/// "srtpdec", in the place of gst-plugins-bad's, for the reasons that srtp_enc.h gives.
///
/// Pad rtp_sink takes RTP and RTCP (RFC 5761), which leave by rtp_src and rtcp_src; rtcp_sink takes nothing.
/// The signal request-key asks for the key, in caps as dtlssrtpdec gives them, until it comes. What is
/// dropped is counted in without-key, malformed, not-authentic and replayed.
GType srtp_dec_get_type();

/// Has `send` told, on the pad's thread, what is to be reported (TransportFeedback): plain RTCP packets.
/// `extension` is the id of the transport-wide number. Any thread; once, later calls change nothing.
void report_arrivals(GstElement* srtp_dec, uint8_t extension,
                     std::function<void(std::span<const uint8_t> rtcp)> send);

}  // namespace sluice::elements
