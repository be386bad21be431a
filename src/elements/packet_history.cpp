#include "elements/packet_history.h"

#include <utility>

namespace sluice::elements {

void PacketHistory::put(uint16_t sequence, GstBuffer* packet) {
    gst_buffer_ref(packet);
    GstBuffer* before = nullptr;
    {
        std::lock_guard lock(mutex_);
        auto& entry = entries_[sequence % kPackets];
        before = std::exchange(entry.packet, packet);
        entry.sequence = sequence;
        if (!newest_ || !is_kept(*newest_, sequence))
            newest_ = sequence;
    }
    if (before)
        gst_buffer_unref(before);
}

GstBuffer* PacketHistory::get(uint16_t sequence) {
    std::lock_guard lock(mutex_);
    const auto& entry = entries_[sequence % kPackets];
    const bool is_there = entry.packet && entry.sequence == sequence && is_kept(*newest_, sequence);
    return is_there ? gst_buffer_ref(entry.packet) : nullptr;
}

void PacketHistory::clear() {
    std::lock_guard lock(mutex_);
    for (auto& entry : entries_)
        if (GstBuffer* packet = std::exchange(entry.packet, nullptr))
            gst_buffer_unref(packet);
}

}  // namespace sluice::elements
