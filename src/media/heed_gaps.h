#pragma once

#include <gst/gst.h>

namespace sluice::media {

/// matroskamux and webmmux 1.22 wait for each of their tracks whatever GAP events say ("locked"), and so
/// would not write a word of somebody whose picture is muted. The flag is all that keeps them from it;
/// subtitles do not have it. Upstream 945a7bdfc4 (matroskamux on GstAggregator) makes this needless. For each
/// sink pad, before anything comes to it; of other muxers they stay as they are.
void heed_gaps(GstElement* mux, GstPad* pad);

}  // namespace sluice::media
