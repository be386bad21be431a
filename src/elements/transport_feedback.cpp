#include "elements/transport_feedback.h"

#include <algorithm>
#include <span>
#include <utility>

namespace sluice::elements {
namespace {

using Time = TransportFeedback::Time;

enum Symbol : uint8_t { kNotReceived = 0, kSmallDelta = 1, kLargeDelta = 2 };  // section 3.1.1
constexpr Time kTick{250};
constexpr int64_t kTicksOfReference = 256;  // 64 ms
constexpr size_t kSymbolsOfOneBit = 14, kSymbolsOfTwoBits = 7, kLongestRun = 8191;

void put(std::vector<uint8_t>& to, uint64_t value, int bytes) {
    while (bytes-- > 0) to.push_back(static_cast<uint8_t>(value >> (8 * bytes)));
}

/// Sections 3.1.3 and 3.1.4. Returns how many symbols the chunk is about.
size_t put_chunk(std::vector<uint8_t>& to, std::span<const uint8_t> symbols) {
    const auto other = std::ranges::find_if(symbols, [&](uint8_t symbol) { return symbol != symbols[0]; });
    const auto run = std::min(static_cast<size_t>(other - symbols.begin()), kLongestRun);
    const auto vector = symbols.first(std::min(symbols.size(), kSymbolsOfOneBit));
    const bool one_bit = std::ranges::count(vector, kLargeDelta) == 0;
    if (run >= (one_bit ? kSymbolsOfOneBit : kSymbolsOfTwoBits) || run == symbols.size()) {
        put(to, static_cast<uint64_t>(symbols[0]) << 13 | run, 2);
        return run;
    }
    const size_t count = one_bit ? vector.size() : std::min(symbols.size(), kSymbolsOfTwoBits);
    unsigned chunk = one_bit ? 0x8000 : 0xC000;
    for (size_t i = 0; i < count; i++)
        chunk |= one_bit ? unsigned{vector[i]} << (13 - i) : unsigned{vector[i]} << (12 - 2 * i);
    put(to, chunk, 2);
    return count;
}

}  // namespace

TransportFeedback::TransportFeedback(uint32_t ssrc) : ssrc_(ssrc) {
    arrivals_.reserve(kPackets);
}

std::optional<std::vector<uint8_t>> TransportFeedback::on_packet(uint16_t number, uint32_t ssrc, Time at) {
    const int64_t whole =
        last_ ? *last_ + static_cast<int16_t>(number - static_cast<uint16_t>(*last_)) : int64_t{number};
    if (!last_)
        next_ = whole;
    last_ = whole;
    std::optional<std::vector<uint8_t>> due;
    if (is_due(whole, at))
        due = report();
    add(whole, at);
    media_ssrc_ = ssrc;
    return due;
}

/// Or this one would not fit into the same report.
bool TransportFeedback::is_due(int64_t number, Time at) const {
    return !arrivals_.empty() && (at - began_ >= kInterval || at < began_ || arrivals_.size() == kPackets ||
                                  number - next_ >= kNumbers);
}

void TransportFeedback::add(int64_t number, Time at) {
    if (number < next_)
        return;
    if (number - next_ >= kNumbers)  // rather a new beginning than so much loss
        next_ = number;
    const auto place = std::ranges::lower_bound(arrivals_, number, {}, &Arrival::number);
    if (place != arrivals_.end() && place->number == number)
        return;
    if (arrivals_.empty())
        began_ = at;
    arrivals_.insert(place, {number, at});
}

std::vector<uint8_t> TransportFeedback::report() {
    const auto ticks_of = [](const Arrival& arrival) { return arrival.at / kTick; };
    const int64_t reference = ticks_of(arrivals_.front()) / kTicksOfReference;
    int64_t before = reference * kTicksOfReference;
    symbols_.assign(static_cast<size_t>(arrivals_.back().number - next_ + 1), kNotReceived);
    std::vector<uint8_t> deltas;
    for (const auto& arrival : arrivals_) {
        const int64_t delta = ticks_of(arrival) - std::exchange(before, ticks_of(arrival));
        const bool small = delta >= 0 && delta <= UINT8_MAX;
        symbols_[static_cast<size_t>(arrival.number - next_)] = small ? kSmallDelta : kLargeDelta;
        put(deltas, static_cast<uint64_t>(delta), small ? 1 : 2);
    }

    constexpr uint8_t kTransportWide = 15, kTransportLayerFeedback = 205;
    std::vector<uint8_t> packet{0x80 | kTransportWide, kTransportLayerFeedback, 0, 0};
    put(packet, ssrc_, 4);
    put(packet, media_ssrc_, 4);
    put(packet, static_cast<uint16_t>(next_), 2);
    put(packet, symbols_.size(), 2);
    put(packet, static_cast<uint64_t>(reference), 3);
    put(packet, reports_++, 1);
    for (std::span<const uint8_t> left = symbols_; !left.empty();)
        left = left.subspan(put_chunk(packet, left));
    packet.insert(packet.end(), deltas.begin(), deltas.end());
    packet.resize((packet.size() + 3) & ~size_t{3});
    packet[3] = static_cast<uint8_t>(packet.size() / 4 - 1);
    packet[2] = static_cast<uint8_t>((packet.size() / 4 - 1) >> 8);
    next_ = arrivals_.back().number + 1;
    arrivals_.clear();
    return packet;
}

}  // namespace sluice::elements
