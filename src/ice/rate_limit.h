#pragma once

#include <algorithm>
#include <chrono>

namespace sluice::ice {

using Clock = std::chrono::steady_clock;

/// So many at once, and then so many a second.
class RateLimit {
public:
    RateLimit(double burst, double per_second) : burst_(burst), per_second_(per_second), left_(burst) {}

    bool take(Clock::time_point now) {
        const std::chrono::duration<double> passed = now - last_;
        left_ = std::min(burst_, left_ + passed.count() * per_second_);
        last_ = now;
        if (left_ < 1)
            return false;
        left_ -= 1;
        return true;
    }

private:
    double burst_, per_second_, left_;
    Clock::time_point last_;
};

}  // namespace sluice::ice
