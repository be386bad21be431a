#include "elements/timeline.h"

#include <algorithm>
#include <cstdlib>

namespace sluice::elements {
namespace {

/// What two streams of one clock, or one stream over its life, may differ in the time they are on their way.
/// Beyond it the clock is another one: a page reload on another machine, a clock that was set.
constexpr int64_t kSameClock = GST_SECOND;
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
    if (!stream.known || std::abs(measured - stream.offset) > kSameClock)
        stream.offset = offset_for(stream, measured);
    else if (std::abs(measured - stream.offset) > kFollow)
        follow(stream.offset, measured > stream.offset ? kFollowPerPacket : -kFollowPerPacket);
    stream.known = true;
    stream.rtp = rtp;
    stream.ntp = static_cast<int64_t>(ntp);
}

GstClockTime Timeline::time(size_t index, uint32_t rtp, GstClockTime arrival) {
    auto& stream = streams_[index];
    auto time = static_cast<int64_t>(arrival);
    if (stream.known) {
        const int64_t since = static_cast<int32_t>(rtp - stream.rtp);
        time = stream.ntp + stream.offset + since * static_cast<int64_t>(GST_SECOND) / stream.clock_rate;
    }
    stream.last = std::max({time, stream.last, int64_t{0}});
    return static_cast<GstClockTime>(stream.last);
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
