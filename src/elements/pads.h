#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// Both elements take and give RTP at one "sink" and one "src" pad that are always there.
void add_rtp_pad_templates(GstElementClass* klass);
GstPad* add_rtp_pad(GstElement* element, const char* name);

/// Answers LATENCY by "live, none": nobody here waits for a clock, and the producer's jitter buffer must not
/// be asked on behalf of a consumer. ALLOCATION is refused. For source and sink pads.
gboolean live_query(GstPad* pad, GstObject* parent, GstQuery* query);

}  // namespace sluice::elements
