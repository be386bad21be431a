#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "peer/bytes.h"
#include "peer/loop.h"

/// RTCP, written and read (RFC 3550, RFC 4585, RFC 5104, draft-holmer-rmcat-transport-wide-cc-extensions-01).
namespace sluice::peer::rtcp {

enum Type : uint8_t {
    SenderReport = 200,
    ReceiverReport = 201,
    Sdes = 202,
    Feedback = 205,
    PayloadFeedback = 206
};
enum Format : uint8_t { Nack = 1, TransportCc = 15, Pli = 1, Fir = 4, Afb = 15 };

/// What a receiver says of one stream.
struct ReportBlock {
    uint32_t ssrc = 0;
    uint8_t fraction_lost = 0;
    uint32_t lost = 0;
    uint32_t highest_sequence = 0;
    uint32_t jitter = 0;  ///< In units of the stream's clock.
    uint32_t last_sr = 0;
    uint32_t delay_since_last_sr = 0;  ///< 1/65536 s.
};

struct SenderInfo {
    uint32_t ssrc = 0;
    uint32_t rtp_time = 0;
    uint32_t packets = 0;
    uint32_t octets = 0;
};

Packet sender_report(const SenderInfo& info, const std::string& cname);
Packet receiver_report(uint32_t own_ssrc, const std::vector<ReportBlock>& blocks, const std::string& cname);
Packet picture_loss(uint32_t own_ssrc, uint32_t media_ssrc);
Packet nack(uint32_t own_ssrc, uint32_t media_ssrc, const std::vector<uint16_t>& sequence_numbers);

/// Arrivals since the last feedback, by transport-wide sequence number.
struct Arrival {
    uint16_t sequence = 0;
    Time at{};
};
/// Of up to 400 arrivals, in the order they came.
Packet transport_feedback(uint32_t own_ssrc, uint32_t media_ssrc, uint8_t count,
                          std::vector<Arrival> arrivals);

/// What transport-wide feedback says.
struct TransportReport {
    uint16_t base = 0;
    uint16_t count = 0;             ///< Of the numbers from `base` on, those that were lost included.
    std::vector<Arrival> arrivals;  ///< By the reporter's clock, which wraps after 12 days.
};

/// One packet of a compound, without its padding.
struct Received {
    uint8_t type = 0;
    uint8_t format = 0;  ///< Or the count of report blocks.
    uint32_t sender_ssrc = 0;
    uint32_t media_ssrc = 0;  ///< Feedback only.
    Bytes bytes;              ///< From the header on.

    std::vector<uint16_t> nacked() const;
    /// What is asked for a key frame here: the media SSRC of a PLI, each entry's of a FIR.
    std::vector<uint32_t> key_frame_ssrcs() const;
    std::vector<ReportBlock> report_blocks() const;
    std::optional<SenderInfo> sender_info() const;  ///< Of a sender report.
    uint32_t ntp_middle() const;                    ///< Of a sender report: what goes into "last SR".
    std::optional<TransportReport> transport_report() const;  ///< nullopt: none, or not well-formed.
};
std::vector<Received> parse(Bytes compound);

}  // namespace sluice::peer::rtcp
