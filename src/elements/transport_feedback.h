#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::elements {

/// Tells a sender when its packets came, by their transport-wide numbers
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1), from which it estimates what the way to
/// us takes. rtpsession would do the same, but ends the process (g_assert_not_reached() in rtptwcc.c of
/// GStreamer 1.22, and of its main in 2026) when a report does not fit into a packet, and a peer whose
/// numbers repeat brings that about with 181 packets.
///
/// One thread at a time.
class TransportFeedback {
public:
    using Time = std::chrono::microseconds;  ///< Of a clock that only goes forward.
    /// What one report is about; libwebrtc reports every 50 to 250 ms.
    static constexpr Time kInterval = std::chrono::milliseconds(50);
    /// A report of so many packets takes 1,160 bytes at most.
    static constexpr size_t kPackets = 190;
    /// In a report, lost ones included.
    static constexpr int64_t kNumbers = 4096;

    /// Our SSRC in the reports.
    explicit TransportFeedback(uint32_t ssrc);

    /// A packet has come. Returns the report of those before it, an RTCP packet, once it is due: none waits
    /// for a timer, so the last ones are reported when the next one comes. A number that was there, or is
    /// lower than a reported one, is ignored.
    std::optional<std::vector<uint8_t>> on_packet(uint16_t number, uint32_t ssrc, Time at);

private:
    struct Arrival {
        int64_t number;
        Time at;
    };
    bool is_due(int64_t number, Time at) const;
    void add(int64_t number, Time at);
    std::vector<uint8_t> report();

    const uint32_t ssrc_;
    uint32_t media_ssrc_ = 0;  ///< That of the last packet: one whose stream has ended would be ignored.
    uint8_t reports_ = 0;
    std::optional<int64_t> last_;    ///< Number of the last packet.
    int64_t next_ = 0;               ///< The first that no report was about.
    Time began_{};                   ///< When the first of `arrivals_` came.
    std::vector<Arrival> arrivals_;  ///< By number.
    std::vector<uint8_t> symbols_;   ///< Of a report, kept for the next.
};

}  // namespace sluice::elements
