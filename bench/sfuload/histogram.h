#pragma once

#include <array>
#include <cstdint>

#include "peer/loop.h"

namespace sluice::load {

/// Times from 1 us to some hours, in buckets about 3 % wide; adding one costs no memory.
class Histogram {
public:
    void add(peer::Time time);
    void merge(const Histogram& other);
    void clear() { *this = {}; }

    uint64_t count() const { return count_; }
    peer::Time max() const { return max_; }
    /// Zero if there is none.
    peer::Time quantile(double part) const;

private:
    static constexpr int kUnitBits = 10;  ///< 1.024 us
    static constexpr int kStepBits = 5;   ///< 32 buckets from one power of two to the next.
    static constexpr size_t kSteps = 1 << kStepBits;
    std::array<uint32_t, kSteps * 28> buckets_{};
    uint64_t count_ = 0;
    peer::Time max_{};
};

}  // namespace sluice::load
