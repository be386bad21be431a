#pragma once

#include <cstdint>
#include <vector>

#include <gst/gst.h>

namespace sluice::elements {

/// When each packet of several streams of one sender was captured, on one time axis: running time, as the
/// packets' arrival tells it, but with the streams related to each other by the sender's clock (the RTP and
/// NTP times of its sender reports, RFC 3550 section 6.4.1), not by how long each was on its way. One thread.
class Timeline {
public:
    /// A stream with that RTP clock rate; its index.
    size_t add(uint32_t clock_rate);

    /// What the sender's clock said, in nanoseconds, when a packet was captured that came at `arrival`
    /// (running time): told by a sender report.
    void learn(size_t stream, uint32_t rtp, GstClockTime arrival, uint64_t ntp);
    /// When the packet was captured, in running time; before anything was learnt of the stream, its arrival.
    /// Times of one stream never go back. Packets that came before what was learnt of them may be asked about
    /// afterwards.
    GstClockTime time(size_t stream, uint32_t rtp, GstClockTime arrival);
    /// A sender report has told the stream's time.
    bool synced(size_t stream) const { return streams_[stream].known; }

private:
    struct Stream {
        uint32_t clock_rate = 0;
        bool known = false;  ///< Of the two below.
        uint32_t rtp = 0;
        int64_t ntp = 0;
        int64_t offset = 0;  ///< Running time is NTP time plus this; the same for streams of one clock.
        int64_t last = -1;
    };

    static int64_t ntp_at(const Stream& stream, uint32_t rtp);
    int64_t offset_for(const Stream& stream, int64_t measured) const;
    void follow(int64_t offset, int64_t by);

    std::vector<Stream> streams_;
};

}  // namespace sluice::elements
