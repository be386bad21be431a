#include "elements/sdes.h"

#include <gst/gst.h>

namespace sluice::elements {
namespace {

constexpr uint8_t kSdes = 202;
constexpr uint8_t kNote = 7, kPriv = 8;

/// From the first chunk on.
bool tame_chunks(std::span<uint8_t> chunks) {
    for (size_t at = 0; at + 4 < chunks.size();) {
        at += 4;  // the SSRC
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

}  // namespace

bool tame_sdes(std::span<uint8_t> rtcp) {
    while (rtcp.size() >= 4) {
        const size_t size = 4 * (size_t{GST_READ_UINT16_BE(&rtcp[2])} + 1);
        if (size > rtcp.size())
            return true;  // rtpsession does not read it either.
        if (rtcp[1] == kSdes && !tame_chunks(rtcp.subspan(4, size - 4)))
            return false;
        rtcp = rtcp.subspan(size);
    }
    return true;
}

}  // namespace sluice::elements
