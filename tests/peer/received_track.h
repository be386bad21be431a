#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/rtcp.h"
#include "peer/rtp.h"
#include "peer/sdp.h"

namespace sluice::peer {

/// What came of one SSRC, retransmissions put back in their places.
class ReceivedTrack {
public:
    /// `codec` as rtpmap names it, without the clock rate.
    ReceivedTrack(uint32_t ssrc, Kind kind, std::string codec)
        : ssrc_(ssrc), kind_(kind), codec_(std::move(codec)) {}

    void on_packet(const rtp::Parsed& packet, Time at);
    /// The RTX stream brought this packet of ours back.
    void on_retransmission(uint16_t sequence, Bytes payload, Time at);
    void on_sender_report(const rtcp::Received& report, Time at);
    rtcp::ReportBlock report_block();
    /// The sequence numbers to ask for now: each missing one, ten times at most.
    std::vector<uint16_t> to_nack();

    uint32_t ssrc() const { return ssrc_; }
    Kind kind() const { return kind_; }
    const std::string& codec() const { return codec_; }
    uint64_t packets() const { return packets_; }  ///< Retransmissions and duplicates aside.
    int64_t first_sequence() const { return first_; }
    int64_t highest_sequence() const { return highest_; }  ///< Extended (RFC 3550 section 6.4.1).
    size_t missing() const { return missing_.size(); }     ///< Never came, neither late nor by RTX.
    uint64_t reordered() const { return reordered_; }
    uint64_t duplicates() const { return duplicates_; }
    uint64_t recovered() const { return recovered_; }  ///< By RTX.
    uint64_t damaged() const {
        return damaged_;
    }  ///< Without the sender's mark or with a payload of another codec.
    /// Packets of the sender's count that are not missed here: left out by the server, as in a mute.
    uint64_t left_out() const { return left_out_; }
    std::optional<rtp::Mark> last_mark() const { return last_mark_; }

    /// One bit for each header extension id that came.
    unsigned extension_ids() const { return extension_ids_; }
    const std::optional<rtcp::SenderInfo>& sender_report() const { return sender_report_; }  ///< The last.

    Time first_at() const { return first_at_; }
    Time last_at() const { return last_at_; }
    bool began_with_key_frame() const { return began_with_key_frame_; }
    Time first_key_frame_at() const { return first_key_frame_at_; }  ///< Zero: none yet.
    uint64_t key_frames() const { return key_frames_; }

    /// The longest time between two packets in a row, less the pause that the sender itself made there.
    Time longest_gap() const { return longest_gap_; }
    /// From sending to the kernel's receiving, at that quantile; zero without packets.
    Time delay(double quantile) const;
    /// Forgets gaps and delays so far.
    void restart_timing();

private:
    void on_payload(Bytes payload, Time at, int64_t extended);
    void on_next(const rtp::Mark& mark, Time at, int64_t extended);
    void on_jitter(uint32_t timestamp, Time at);

    uint32_t ssrc_;
    Kind kind_;
    std::string codec_;
    unsigned extension_ids_ = 0;
    std::optional<rtcp::SenderInfo> sender_report_;
    uint64_t packets_ = 0;
    int64_t first_ = 0;
    int64_t highest_ = 0;
    std::map<int64_t, int> missing_;  ///< With how often each was asked for.
    uint64_t reordered_ = 0;
    uint64_t duplicates_ = 0;
    uint64_t recovered_ = 0;
    uint64_t damaged_ = 0;
    uint64_t left_out_ = 0;
    uint64_t key_frames_ = 0;
    std::optional<rtp::Mark> last_mark_;  ///< Of the highest sequence number.
    int64_t last_marked_ = 0;             ///< Which that was.
    Time first_at_{};
    Time last_at_{};
    Time first_key_frame_at_{};
    bool began_with_key_frame_ = false;
    bool timing_restarted_ = true;
    Time longest_gap_{};
    std::vector<Time> delays_;

    double jitter_ = 0;
    double last_transit_ = 0;
    uint32_t last_sr_ = 0;
    Time last_sr_at_{};
    int64_t reported_expected_ = 0;
    int64_t reported_lost_ = 0;
};

}  // namespace sluice::peer
