#include "elements/arrival_time.h"

#include <algorithm>
#include <cstdlib>

#include <gst/rtp/rtp.h>

namespace sluice::elements {
namespace {

/// Beyond this the sender's timestamps have leapt.
constexpr int64_t kLeap = GST_SECOND;
/// Clocks of computers differ by less; a path that has become longer is followed as slowly.
constexpr int64_t kDriftPerSecond = 200 * GST_USECOND;

}  // namespace

GstClockTime ArrivalTime::operator()(uint32_t rtp, GstClockTime arrival) {
    if (rate_ == 0)
        return arrival;
    const bool first = extended_ == G_MAXUINT64;
    gst_rtp_buffer_ext_timestamp(&extended_, rtp);
    const auto restart = [&] {
        base_ = extended_;
        delay_ = static_cast<int64_t>(arrival);
    };
    if (first)
        restart();
    const auto ticks = static_cast<int64_t>(extended_ - base_);
    const int64_t sent = ticks < 0 ? -static_cast<int64_t>(gst_util_uint64_scale(-ticks, GST_SECOND, rate_))
                                   : static_cast<int64_t>(gst_util_uint64_scale(ticks, GST_SECOND, rate_));
    const int64_t delay = static_cast<int64_t>(arrival) - sent;
    const GstClockTime elapsed = arrival > last_ ? arrival - last_ : 0;
    last_ = std::max(last_, arrival);
    if (std::abs(delay - delay_) > kLeap) {
        restart();
        return arrival;
    }
    const auto drift = static_cast<int64_t>(gst_util_uint64_scale(elapsed, kDriftPerSecond, GST_SECOND));
    delay_ = std::min(delay, delay_ + drift);
    return static_cast<GstClockTime>(std::max<int64_t>(sent + delay_, 0));
}

}  // namespace sluice::elements
