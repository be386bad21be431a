#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "peer/received_track.h"
#include "peer/rtcp.h"
#include "peer/rtp.h"
#include "peer/sdp.h"

namespace sluice::peer {

/// All that comes in on one connection.
class Receiver {
public:
    /// From now on packets are told apart by what this description of the other side says.
    void negotiated(const sdp::Description& remote);

    void on_rtp(Bytes packet, Time at);
    void on_sender_report(const rtcp::Received& report);
    /// For the regular report.
    std::vector<rtcp::ReportBlock> report_blocks();
    /// What should be sent now: NACKs, PLIs for video that began without a key frame, transport-wide
    /// feedback.
    std::vector<Packet> feedback();

    const std::vector<std::unique_ptr<ReceivedTrack>>& tracks() const { return tracks_; }
    ReceivedTrack* track(const std::string& mid) const;  ///< nullptr: nothing has come for that section.
    ReceivedTrack* track(Kind kind) const;               ///< The first of that kind.

    uint64_t packets() const { return packets_; }  ///< RTP of every kind.
    uint64_t bytes() const { return bytes_; }      ///< Header and payload without padding.
    uint64_t unsignalled() const {
        return unsignalled_;
    }  ///< Of an SSRC or payload type that no description told of.
    uint64_t retransmissions() const { return retransmissions_; }

    /// Throws away each so-many-th video packet, as the network might; 0: none.
    unsigned lose_every = 0;
    static constexpr uint32_t kOwnSsrc = 1;  ///< Of a receiver that sends nothing.

private:
    struct Source {
        Kind kind;
        std::string mid;
        bool rtx;
        uint32_t media_ssrc;
        std::string codec;
    };
    ReceivedTrack& track_of(const Source& source);

    std::map<uint32_t, Source> sources_;  ///< Every SSRC that a description has named.
    std::map<int, std::string> codecs_;   ///< By payload type, of the current description.
    bool nack_ = false;
    int transport_cc_ = 0;  ///< Extension id; 0: not negotiated.
    std::vector<std::unique_ptr<ReceivedTrack>> tracks_;
    std::vector<rtcp::Arrival> arrivals_;
    uint8_t feedback_count_ = 0;
    Time last_pli_{};
    uint64_t packets_ = 0;
    uint64_t bytes_ = 0;
    uint64_t unsignalled_ = 0;
    uint64_t retransmissions_ = 0;
    uint64_t video_count_ = 0;
};

}  // namespace sluice::peer
