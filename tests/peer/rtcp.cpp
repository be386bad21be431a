#include "peer/rtcp.h"

#include <algorithm>
#include <ctime>
#include <map>

namespace sluice::peer::rtcp {
namespace {

constexpr size_t kHeader = 8;
constexpr size_t kFeedbackHeader = 12;
constexpr size_t kReportBlock = 24;
constexpr size_t kSenderInfo = 20;

/// Starts a packet; end() pads it and sets its length.
class PacketWriter {
public:
    PacketWriter(Writer& out, unsigned count, Type type, uint32_t ssrc) : out_(out), start_(out.size()) {
        out.u8(0x80 | count).u8(type).u16(0).u32(ssrc);
    }
    void end() {
        out_.pad(4);
        out_.set16(start_ + 2, uint32_t((out_.size() - start_) / 4 - 1));
    }

private:
    Writer& out_;
    size_t start_;
};

void write_sdes(Writer& out, uint32_t ssrc, const std::string& cname) {
    PacketWriter packet(out, 1, Sdes, ssrc);
    out.u8(1).u8(uint32_t(cname.size())).text(cname).u8(0);
    packet.end();
}

uint64_t ntp_now() {
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t(t.tv_sec) + 2208988800U) << 32 | (uint64_t(t.tv_nsec) << 32) / 1'000'000'000;
}

}  // namespace

Packet sender_report(const SenderInfo& info, const std::string& cname) {
    Writer out;
    PacketWriter packet(out, 0, SenderReport, info.ssrc);
    out.u64(ntp_now()).u32(info.rtp_time).u32(info.packets).u32(info.octets);
    packet.end();
    write_sdes(out, info.ssrc, cname);
    return out.take();
}

Packet receiver_report(uint32_t own_ssrc, const std::vector<ReportBlock>& blocks, const std::string& cname) {
    Writer out;
    const size_t count = std::min<size_t>(blocks.size(), 31);
    PacketWriter packet(out, unsigned(count), ReceiverReport, own_ssrc);
    for (size_t i = 0; i < count; i++) {
        const ReportBlock& block = blocks[i];
        out.u32(block.ssrc)
            .u8(block.fraction_lost)
            .u24(block.lost)
            .u32(block.highest_sequence)
            .u32(block.jitter);
        out.u32(block.last_sr).u32(block.delay_since_last_sr);
    }
    packet.end();
    write_sdes(out, own_ssrc, cname);
    return out.take();
}

Packet picture_loss(uint32_t own_ssrc, uint32_t media_ssrc) {
    Writer out;
    PacketWriter packet(out, Pli, PayloadFeedback, own_ssrc);
    out.u32(media_ssrc);
    packet.end();
    return out.take();
}

Packet nack(uint32_t own_ssrc, uint32_t media_ssrc, const std::vector<uint16_t>& sequence_numbers) {
    Writer out;
    PacketWriter packet(out, Nack, Feedback, own_ssrc);
    out.u32(media_ssrc);
    for (const uint16_t sequence : sequence_numbers) out.u16(sequence).u16(0);
    packet.end();
    return out.take();
}

Packet transport_feedback(uint32_t own_ssrc, uint32_t media_ssrc, uint8_t count,
                          std::vector<Arrival> arrivals) {
    const uint16_t any = arrivals.front().sequence;
    std::ranges::stable_sort(arrivals, {}, [any](const Arrival& a) { return int16_t(a.sequence - any); });
    const uint16_t base = arrivals.front().sequence;
    const size_t span = uint16_t(arrivals.back().sequence - base) + 1U;
    const Time first = std::ranges::min(arrivals, {}, &Arrival::at).at;
    constexpr Time kReferenceUnit = std::chrono::milliseconds(64);
    constexpr Time kDeltaUnit = std::chrono::microseconds(250);
    const int64_t reference = first / kReferenceUnit;

    // Two-bit symbols, seven to a vector chunk: 0 not received, 1 a delta of one octet, 2 of two.
    std::vector<uint8_t> symbols(span);
    Writer deltas;
    int64_t previous = reference * (kReferenceUnit / kDeltaUnit);
    for (const Arrival& arrival : arrivals) {
        uint8_t& symbol = symbols[uint16_t(arrival.sequence - base)];
        if (symbol)
            continue;
        const int64_t ticks = arrival.at / kDeltaUnit;
        const int64_t delta = std::clamp<int64_t>(ticks - previous, INT16_MIN, INT16_MAX);
        symbol = delta >= 0 && delta <= 255 ? 1 : 2;
        symbol == 1 ? deltas.u8(uint32_t(delta)) : deltas.u16(uint32_t(delta));
        previous += delta;
    }

    Writer out;
    PacketWriter packet(out, TransportCc, Feedback, own_ssrc);
    out.u32(media_ssrc).u16(base).u16(uint32_t(span)).u24(uint32_t(reference)).u8(count);
    for (size_t i = 0; i < span; i += 7) {
        uint32_t chunk = 0xC000;
        for (size_t k = 0; k < 7 && i + k < span; k++) chunk |= uint32_t(symbols[i + k]) << (12 - 2 * k);
        out.u16(chunk);
    }
    out.bytes({deltas.data(), deltas.size()});
    packet.end();
    return out.take();
}

std::vector<uint16_t> Received::nacked() const {
    std::vector<uint16_t> sequence_numbers;
    for (size_t at = kFeedbackHeader; at + 4 <= bytes.size(); at += 4) {
        const uint32_t first = get16(&bytes[at]), following = get16(&bytes[at + 2]);
        sequence_numbers.push_back(uint16_t(first));
        for (uint32_t bit = 0; bit < 16; bit++)
            if (following >> bit & 1)
                sequence_numbers.push_back(uint16_t(first + bit + 1));
    }
    return sequence_numbers;
}

std::vector<uint32_t> Received::key_frame_ssrcs() const {
    if (type == PayloadFeedback && format == Pli)
        return {media_ssrc};
    std::vector<uint32_t> ssrcs;
    if (type == PayloadFeedback && format == Fir)
        for (size_t at = kFeedbackHeader; at + 8 <= bytes.size(); at += 8) ssrcs.push_back(get32(&bytes[at]));
    return ssrcs;
}

std::vector<ReportBlock> Received::report_blocks() const {
    std::vector<ReportBlock> blocks;
    if (type != SenderReport && type != ReceiverReport)
        return blocks;
    size_t at = kHeader + (type == SenderReport ? kSenderInfo : 0);
    for (unsigned i = 0; i < format && at + kReportBlock <= bytes.size(); i++, at += kReportBlock) {
        const uint8_t* p = &bytes[at];
        blocks.push_back(
            {get32(p), p[4], get24(p + 5), get32(p + 8), get32(p + 12), get32(p + 16), get32(p + 20)});
    }
    return blocks;
}

std::optional<SenderInfo> Received::sender_info() const {
    if (type != SenderReport || bytes.size() < kHeader + kSenderInfo)
        return std::nullopt;
    const uint8_t* p = &bytes[kHeader + 8];
    return SenderInfo{sender_ssrc, get32(p), get32(p + 4), get32(p + 8)};
}

uint32_t Received::ntp_middle() const {
    return bytes.size() < kHeader + 8 ? 0 : get32(&bytes[kHeader + 2]);
}

std::optional<TransportReport> Received::transport_report() const {
    constexpr size_t kFixed = kFeedbackHeader + 8;
    if (type != Feedback || format != TransportCc || bytes.size() < kFixed)
        return std::nullopt;
    TransportReport report{
        .base = uint16_t(get16(&bytes[12])), .count = uint16_t(get16(&bytes[14])), .arrivals = {}};
    std::vector<uint32_t> symbols;
    size_t at = kFixed;
    for (; symbols.size() < report.count; at += 2) {
        if (at + 2 > bytes.size())
            return std::nullopt;
        const uint32_t chunk = get16(&bytes[at]);
        if (!(chunk & 0x8000))
            symbols.insert(symbols.end(), chunk & 0x1FFF, chunk >> 13);
        else if (chunk & 0x4000)
            for (int bit = 12; bit >= 0; bit -= 2) symbols.push_back(chunk >> bit & 3);
        else
            for (int bit = 13; bit >= 0; bit--) symbols.push_back(chunk >> bit & 1);
    }
    int64_t ticks = int64_t(get24(&bytes[16])) * 256;  // of 0.25 ms, from units of 64 ms
    for (size_t i = 0; i < report.count; i++) {
        const size_t size = symbols[i];
        if (size == 0)
            continue;
        if (size > 2 || at + size > bytes.size())
            return std::nullopt;
        ticks += size == 1 ? bytes[at] : int16_t(get16(&bytes[at]));
        at += size;
        report.arrivals.push_back({uint16_t(report.base + i), ticks * std::chrono::microseconds(250)});
    }
    return report;
}

std::vector<Received> parse(Bytes compound) {
    std::vector<Received> packets;
    while (compound.size() >= kHeader) {
        const size_t length = 4 * (size_t(get16(&compound[2])) + 1);
        if (length < kHeader || length > compound.size())
            break;
        Received packet{compound[1], uint8_t(compound[0] & 31), get32(&compound[4]), 0,
                        compound.first(length)};
        if ((packet.type == Feedback || packet.type == PayloadFeedback) && length >= kFeedbackHeader)
            packet.media_ssrc = get32(&compound[8]);
        packets.push_back(packet);
        compound = compound.subspan(length);
    }
    return packets;
}

}  // namespace sluice::peer::rtcp
