#include "sfuload/histogram.h"

#include <algorithm>
#include <bit>

namespace sluice::load {

void Histogram::add(peer::Time time) {
    time = std::max(time, peer::Time::zero());
    const uint64_t units = uint64_t(time.count()) >> kUnitBits;
    size_t bucket = units;
    if (units >= kSteps) {
        const int shift = int(std::bit_width(units)) - 1 - int(kStepBits);
        bucket = size_t(shift + 1) * kSteps + ((units >> shift) & (kSteps - 1));
    }
    buckets_[std::min(bucket, buckets_.size() - 1)]++;
    count_++;
    max_ = std::max(max_, time);
}

void Histogram::merge(const Histogram& other) {
    for (size_t i = 0; i < buckets_.size(); i++) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

peer::Time Histogram::quantile(double part) const {
    const auto wanted = uint64_t(part * double(count_));
    uint64_t below = 0;
    for (size_t i = 0; i < buckets_.size(); i++) {
        below += buckets_[i];
        if (below <= wanted)
            continue;
        // The middle of the bucket.
        const int shift = i < kSteps ? 0 : int(i / kSteps) - 1;
        const uint64_t first = i < kSteps ? i : (kSteps + i % kSteps) << shift;
        return std::min(peer::Time(int64_t((2 * first + (1ULL << shift)) << kUnitBits) / 2), max_);
    }
    return max_;
}

}  // namespace sluice::load
