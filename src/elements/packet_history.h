#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>

#include <gst/gst.h>

namespace sluice::elements {

/// The last packets of a track, kept once for all its consumers: what their NACKs are answered from. Holds
/// references, no copies. Thread-safe.
class PacketHistory {
public:
    /// Two seconds of 6 Mbit/s, eight of the usual 1.5 Mbit/s.
    static constexpr size_t kPackets = 1024;

    ~PacketHistory() { clear(); }
    void put(uint16_t sequence, GstBuffer* packet);
    /// (transfer full) Null: too old, or never there.
    GstBuffer* get(uint16_t sequence);
    void clear();

private:
    struct Entry {
        uint16_t sequence = 0;
        GstBuffer* packet = nullptr;
    };
    static bool is_kept(uint16_t newest, uint16_t sequence) {
        return static_cast<uint16_t>(newest - sequence) < kPackets;
    }

    std::mutex mutex_;
    std::array<Entry, kPackets> entries_{};
    std::optional<uint16_t> newest_;
};

}  // namespace sluice::elements
