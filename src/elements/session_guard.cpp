#include "elements/session_guard.h"

#include <algorithm>

#include <gst/gst.h>

namespace sluice::elements {
namespace {

constexpr uint8_t kSenderReport = 200, kReceiverReport = 201, kSdes = 202, kTransportFeedback = 205;
constexpr size_t kFeedbackHeader = 12;
constexpr uint8_t kNote = 7, kPriv = 8;
constexpr uint8_t kFormat = 0x1f, kNack = 1, kTransportWide = 15, kReserved = 31;  // RFC 4585 section 6.2

}  // namespace

bool SessionGuard::admit(const uint8_t* ssrc) {
    const uint32_t source = GST_READ_UINT32_BE(ssrc);
    return sources_.contains(source) || (sources_.size() < kSources && sources_.insert(source).second);
}

/// Those of CSRCs; rtpsession has the packet's own SSRC from SrtpReceiver, which has a limit too.
bool SessionGuard::admit_rtp(std::span<const uint8_t> packet) {
    constexpr size_t kHeader = 12;
    const size_t end = kHeader + 4 * size_t(packet[0] & 0x0f);
    if (packet.size() < end)
        return false;
    for (size_t at = kHeader; at < end; at += 4)
        if (!admit(&packet[at]))
            return false;
    return true;
}

bool SessionGuard::admit_rtcp(std::span<uint8_t> compound) {
    while (compound.size() >= 4) {
        const size_t size = 4 * (size_t{GST_READ_UINT16_BE(&compound[2])} + 1);
        if (size > compound.size())
            return true;  // rtpsession does not read it either.
        const uint8_t type = compound[1];
        if ((type == kSenderReport || type == kReceiverReport) && size >= 8 && !admit(&compound[4]))
            return false;
        if (type == kSdes && !admit_chunks(compound.subspan(4, size - 4)))
            return false;
        if (type == kTransportFeedback && (compound[0] & kFormat) == kNack &&
            !admit_nacks((std::max(size, kFeedbackHeader) - kFeedbackHeader) / 4))
            return false;
        if (type == kTransportFeedback && (compound[0] & kFormat) == kTransportWide)
            compound[0] |= kReserved;
        compound = compound.subspan(size);
    }
    return true;
}

bool SessionGuard::admit_nacks(size_t items) {
    const auto now = ice::Clock::now();
    for (; items > 0; items--)
        if (!nacks_.take(now))
            return false;
    return true;
}

bool SessionGuard::admit_chunks(std::span<uint8_t> chunks) {
    for (size_t at = 0; at + 4 <= chunks.size();) {
        if (!admit(&chunks[at]))
            return false;
        at += 4;
        while (at < chunks.size() && chunks[at] != 0) {
            if (at + 2 > chunks.size() || at + 2 + chunks[at + 1] > chunks.size())
                return false;
            if (chunks[at] == kPriv)
                chunks[at] = kNote;
            at += 2 + size_t{chunks[at + 1]};
        }
        at = (at + 4) & ~size_t{3};  // the end of the list, and up to the next word
    }
    return true;
}

}  // namespace sluice::elements
