#include "elements/reorder_buffer.h"

#include <algorithm>
#include <utility>

namespace sluice::elements {
namespace {

/// So many packets after a missing one say that it was not just overtaken (TCP's count, RFC 5681
/// section 3.2).
constexpr uint64_t kOvertaken = 3;
/// More missing than anybody keeps to send again (libwebrtc asks for as many): the stream has leapt.
constexpr int kLeap = 1000;
/// So many old packets in a row that nobody has missed are a stream that counts anew, not late.
constexpr unsigned kCountsAnew = 5;

}  // namespace

ReorderBuffer::Place ReorderBuffer::put(uint16_t sequence, GstBuffer*& packet, bool resent,
                                        GstClockTime now) {
    // Nobody has missed what is ahead: such a number would only lead the stream astray.
    if (resent && (!begun_ || static_cast<int16_t>(sequence - static_cast<uint16_t>(highest_)) > 0))
        return Place::Late;
    if (!std::exchange(begun_, true)) {
        next_ = G_MAXUINT16 + uint64_t{1} + sequence;
        highest_ = next_ - 1;
    }
    const int ahead = static_cast<int16_t>(sequence - static_cast<uint16_t>(highest_));
    uint64_t number = highest_ + static_cast<int64_t>(ahead);
    const bool unexpected = number < next_ && given_up_.erase(number) == 0;
    if (ahead + static_cast<int>(missing_.size()) > kLeap ||
        (unexpected && is_another_count(sequence, resent))) {
        missing_.clear();
        number = highest_ + static_cast<uint16_t>(sequence - static_cast<uint16_t>(highest_));
        highest_ = number - 1;
        if (held_.empty())
            next_ = number;
    }
    if (number < next_ || held_.contains(number))
        return Place::Late;
    late_in_row_ = 0;
    arrivals_++;
    if (number > highest_) {
        for (uint64_t missed = highest_ + 1; missed < number; missed++)
            missing_.emplace(missed, Missing{.since = now, .arrivals = arrivals_, .ask_at = now});
        highest_ = number;
    } else {
        arrived(number, resent, now);
    }
    if (number == next_ && held_.empty()) {
        next_++;
        return Place::Next;
    }
    held_.emplace(number, gst::Ref<GstBuffer>::adopt(std::exchange(packet, nullptr)));
    return Place::Waits;
}

bool ReorderBuffer::is_another_count(uint16_t sequence, bool resent) {
    if (resent)
        return false;
    const bool in_row = late_in_row_ > 0 && sequence == static_cast<uint16_t>(late_sequence_ + 1);
    late_in_row_ = in_row ? late_in_row_ + 1 : 1;
    late_sequence_ = sequence;
    return late_in_row_ >= kCountsAnew;
}

void ReorderBuffer::give_up(uint64_t number) {
    lost_++;
    given_up_.insert(number);
    given_up_.erase(given_up_.begin(), given_up_.lower_bound(number - kLeap));
}

void ReorderBuffer::arrived(uint64_t number, bool resent, GstClockTime now) {
    const auto missing = missing_.find(number);
    if (missing == missing_.end())
        return;
    // Which of several requests was answered nobody knows (Karn's algorithm).
    if (resent && missing->second.asks == 1)
        round_trip_ = (7 * round_trip_ + (now - missing->second.asked)) / 8;
    missing_.erase(missing);
}

bool ReorderBuffer::has_lost(const Missing& missing, GstClockTime now) const {
    return now >= give_up_at(missing) || (!resends_ && arrivals_ - missing.arrivals + 1 >= kOvertaken);
}

gst::Ref<GstBuffer> ReorderBuffer::next(GstClockTime now) {
    if (held_.empty())
        return {};
    const auto first = held_.begin();
    while (!missing_.empty() && missing_.begin()->first < first->first) {
        if (!has_lost(missing_.begin()->second, now))
            return {};
        give_up(missing_.begin()->first);
        missing_.erase(missing_.begin());
    }
    next_ = first->first + 1;
    auto packet = std::move(first->second);
    held_.erase(first);
    return packet;
}

GstClockTime ReorderBuffer::wake_up() const {
    if (missing_.empty())
        return GST_CLOCK_TIME_NONE;
    GstClockTime when = give_up_at(missing_.begin()->second);
    if (resends_)
        for (const auto& [number, missing] : missing_) when = std::min(when, missing.ask_at);
    return when;
}

void ReorderBuffer::reset() {
    held_.clear();
    missing_.clear();
    given_up_.clear();
    begun_ = false;
    late_in_row_ = 0;
}

}  // namespace sluice::elements
