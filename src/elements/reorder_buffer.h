#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include <gst/gst.h>

#include "gst/ref.h"

namespace sluice::elements {

/// The packets of one RTP stream in the order of their sequence numbers, and what is missing of it. A packet
/// waits only while one before it is missing: no longer than the latency, and where nothing is sent again
/// only until it is clear that the missing one was not just overtaken. Times are those of one clock, in
/// nanoseconds. One thread.
class ReorderBuffer {
public:
    enum class Place {
        Next,   ///< It goes on at once: put() leaves it to the caller.
        Waits,  ///< next() has it when its turn comes.
        Late  ///< Those after it have gone on, it was here before, or is sent again before any was missed: it
              ///< is dropped.
    };

    /// What is missing, to be asked for.
    struct Request {
        uint16_t sequence;
        GstClockTime age;  ///< Since it was missed.
    };

    /// How long a missing packet is waited for, and whether it may come again (RFC 4588).
    void set_latency(GstClockTime latency) { latency_ = latency; }
    void set_resends(bool resends) { resends_ = resends; }

    /// Takes `packet` unless it is Next. `resent`: it came as a retransmission.
    Place put(uint16_t sequence, GstBuffer*& packet, bool resent, GstClockTime now);
    /// The next packet whose turn it is; null: none.
    gst::Ref<GstBuffer> next(GstClockTime now);
    /// Calls `send` with each Request that is due.
    template <typename Send>
    void ask(GstClockTime now, Send&& send);
    /// When next() or ask() has something although nothing came; GST_CLOCK_TIME_NONE: never.
    GstClockTime wake_up() const;
    /// How long a packet that was asked for takes to come.
    GstClockTime round_trip() const { return round_trip_; }

    /// Forgets all.
    void reset();

    uint64_t lost() const { return lost_; }
    uint64_t waiting() const { return held_.size(); }

private:
    struct Missing {
        GstClockTime since;
        uint64_t arrivals;  ///< Of packets, until it was missed.
        GstClockTime asked = 0;
        GstClockTime ask_at = 0;
        unsigned asks = 0;
    };

    static constexpr GstClockTime kShortestRetry = 20 * GST_MSECOND;

    bool has_lost(const Missing& missing, GstClockTime now) const;
    GstClockTime give_up_at(const Missing& missing) const { return missing.since + latency_; }
    bool is_another_count(uint16_t sequence, bool resent);
    void give_up(uint64_t number);
    void arrived(uint64_t number, bool resent, GstClockTime now);

    GstClockTime latency_ = 0;
    bool resends_ = false;
    bool begun_ = false;
    uint64_t next_ = 0;     ///< Numbers are sequence numbers that do not wrap.
    uint64_t highest_ = 0;  ///< That came.
    uint64_t arrivals_ = 0;
    std::map<uint64_t, gst::Ref<GstBuffer>> held_;
    std::map<uint64_t, Missing> missing_;  ///< Each is older than the one behind it.
    std::set<uint64_t> given_up_;          ///< Waited for in vain: they may still come, and are late then.
    GstClockTime round_trip_ = 40 * GST_MSECOND;
    uint16_t late_sequence_ = 0;  ///< The last that nobody had missed, and how many such came in a row.
    unsigned late_in_row_ = 0;
    uint64_t lost_ = 0;
};

template <typename Send>
void ReorderBuffer::ask(GstClockTime now, Send&& send) {
    if (!resends_)
        return;
    for (auto& [number, missing] : missing_) {
        if (missing.ask_at > now)
            continue;
        missing.asks++;
        missing.asked = now;
        missing.ask_at = now + std::max(round_trip_ * 3 / 2, kShortestRetry);
        send(Request{.sequence = static_cast<uint16_t>(number), .age = now - missing.since});
    }
}

}  // namespace sluice::elements
