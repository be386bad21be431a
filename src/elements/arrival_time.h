#pragma once

#include <cstdint>

#include <gst/gst.h>

namespace sluice::elements {

/// When the packets of one RTP stream would have come had each been as quick as the quickest: their arrival
/// without what pacing, queues and losses add. All packets of a frame have the same time. One thread.
class ArrivalTime {
public:
    void set_clock_rate(uint32_t rate) { rate_ = rate; }
    /// For a packet with RTP timestamp `rtp` that came at `arrival`.
    GstClockTime operator()(uint32_t rtp, GstClockTime arrival);

private:
    uint32_t rate_ = 0;
    guint64 extended_ = G_MAXUINT64;  ///< The last RTP timestamp, without wraps; at first there is none.
    guint64 base_ = 0;
    int64_t delay_ = 0;  ///< Of the quickest, from (rtp - base) to its arrival.
    GstClockTime last_ = 0;
};

}  // namespace sluice::elements
