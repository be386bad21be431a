#include "elements/timeline.h"

#include <algorithm>
#include <cstdlib>

namespace sluice::elements {
namespace {

/// What two streams of one clock, or one stream over its life, may differ in the time they are on their way.
/// Beyond it the clock is another one: a page reload on another machine, a clock that was set.
constexpr int64_t kSameClock = GST_SECOND;
/// The sender's clock and its RTP times go on together but for so much; beyond it that clock has leapt.
constexpr int64_t kGoesOn = 100 * GST_MSECOND;
/// The sender's clock runs faster or slower than ours by parts in 10^5. Beyond this difference we follow, so
/// slowly that nobody hears it.
constexpr int64_t kFollow = 250 * GST_MSECOND;
constexpr int64_t kFollowPerPacket = 5 * GST_USECOND;

}  // namespace

size_t Timeline::add(uint32_t clock_rate) {
    streams_.push_back({.clock_rate = clock_rate});
    return streams_.size() - 1;
}

void Timeline::learn(size_t index, uint32_t rtp, GstClockTime arrival, uint64_t ntp) {
    auto& stream = streams_[index];
    const int64_t measured = static_cast<int64_t>(arrival) - static_cast<int64_t>(ntp);
    const int64_t late = measured - stream.offset;
    const int64_t leap = static_cast<int64_t>(ntp) - ntp_at(stream, rtp);
    // Late is also what was held up on its way. Early is nothing: then what was known had been held up.
    if (!stream.known || late < -kSameClock || (late > kSameClock && std::abs(leap) > kGoesOn))
        stream.offset = offset_for(stream, measured);
    else if (std::abs(late) > kFollow)
        follow(stream.offset, late > 0 ? kFollowPerPacket : -kFollowPerPacket);
    stream.known = true;
    stream.rtp = rtp;
    stream.ntp = static_cast<int64_t>(ntp);
}

GstClockTime Timeline::time(size_t index, uint32_t rtp, GstClockTime arrival) {
    auto& stream = streams_[index];
    auto time = static_cast<int64_t>(arrival);
    if (stream.known)
        time = ntp_at(stream, rtp) + stream.offset;
    stream.last = std::max({time, stream.last, int64_t{0}});
    return static_cast<GstClockTime>(stream.last);
}

/// What the sender's clock says at an RTP time, by the last packet that it is known of.
int64_t Timeline::ntp_at(const Stream& stream, uint32_t rtp) {
    const int64_t since = static_cast<int32_t>(rtp - stream.rtp);
    return stream.ntp + since * static_cast<int64_t>(GST_SECOND) / stream.clock_rate;
}

/// That of another stream of the same clock, or, for the first one, as measured.
int64_t Timeline::offset_for(const Stream& stream, int64_t measured) const {
    for (const auto& other : streams_)
        if (&other != &stream && other.known && std::abs(measured - other.offset) <= kSameClock)
            return other.offset;
    return measured;
}

void Timeline::follow(int64_t offset, int64_t by) {
    for (auto& stream : streams_)
        if (stream.known && stream.offset == offset)
            stream.offset += by;
}

}  // namespace sluice::elements
