#pragma once

#include <cstdint>
#include <optional>

#include "elements/packet_history.h"

namespace sluice::elements {

/// Sequence numbers that go on over gaps of our own making: what is behind sees no loss, and none comes twice
/// (with SRTP the same number is the same key stream). The network's gaps stay. A plain value, and one word,
/// so that an atomic one takes no lock.
class alignas(uint64_t) Numbering {
public:
    /// `in` will follow the highest number that went out, as if nothing had been between.
    void close_gap(uint16_t in);
    /// The number of `in` behind; none: it comes from before the last gap, and too late. After close_gap().
    std::optional<uint16_t> next(uint16_t in);
    /// What is next in order will not go out.
    void leave_out() { shift_++; }
    /// The highest that went out.
    uint16_t last() const { return last_; }
    /// What next() has called `out`; none: that was before the last gap, or has not been yet.
    std::optional<uint16_t> reverse(uint16_t out) const;

private:
    /// How late a packet may come and still be told from one that is 2^15 packets ahead. None that is older
    /// is sent again.
    static constexpr uint16_t kFresh = PacketHistory::kPackets;

    static bool is_older(uint16_t a, uint16_t b) { return static_cast<int16_t>(a - b) < 0; }

    bool begun_ = false;  ///< A packet has gone out.
    bool fresh_ = false;  ///< Not long after a gap.
    uint16_t shift_ = 0;  ///< out = in - shift
    uint16_t first_ = 0;  ///< `in` of the first after the last gap.
    uint16_t last_ = 0;
};

inline void Numbering::close_gap(uint16_t in) {
    // The first is below 2^15, or the loss of the very first packets could hide a wrap from the receiver (RFC
    // 3711 section 3.3.1).
    shift_ = begun_ ? static_cast<uint16_t>(in - (last_ + 1)) : in & 0x8000;
    first_ = in;
    fresh_ = true;
}

inline std::optional<uint16_t> Numbering::next(uint16_t in) {
    if (fresh_) {
        if (is_older(in, first_))
            return std::nullopt;
        fresh_ = static_cast<uint16_t>(in - first_) < kFresh;
    }
    const auto out = static_cast<uint16_t>(in - shift_);
    if (!begun_ || !is_older(out, last_))
        last_ = out;
    begun_ = true;
    return out;
}

inline std::optional<uint16_t> Numbering::reverse(uint16_t out) const {
    const auto in = static_cast<uint16_t>(out + shift_);
    const bool was = begun_ && !is_older(last_, out) && !(fresh_ && is_older(in, first_));
    return was ? std::optional(in) : std::nullopt;
}

}  // namespace sluice::elements
