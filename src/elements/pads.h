#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// RTP at one "sink" or "src" pad that is always there.
void add_rtp_pad_template(GstElementClass* klass, GstPadDirection direction);
GstPad* add_rtp_pad(GstElement* element, const char* name);

/// Answers LATENCY by "live, none": nobody here waits for a clock, and the producer's jitter buffer must not
/// be asked on behalf of a consumer. ALLOCATION is refused. For source and sink pads.
gboolean live_query(GstPad* pad, GstObject* parent, GstQuery* query);

/// An event function: what comes to this pad beside its packets concerns nobody.
gboolean drop_event(GstPad*, GstObject*, GstEvent* event);

/// Asks whoever sends to a sink pad for a key frame; whether somebody takes it.
bool ask_for_key_frame(GstPad* sink);

/// Makes each the other's only internal link, for elements with several ways through. For the element's life.
void join_pads(GstPad* sink, GstPad* src);
GstPad* joined_pad(GstPad* pad);

}  // namespace sluice::elements
