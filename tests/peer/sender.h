#pragma once

#include <deque>
#include <string>
#include <vector>

#include "peer/rtcp.h"
#include "peer/rtp.h"
#include "peer/sdp.h"

namespace sluice::peer {

/// What a connection's senders share.
class RtpOut {
public:
    virtual ~RtpOut() = default;
    virtual void send_rtp(Packet packet) = 0;
    virtual uint16_t next_transport_sequence() = 0;
};

/// The generated media.
struct Media {
    unsigned video_bps = 400'000;
    unsigned frames_per_second = 30;
    /// The part of a frame's time over which its packets are sent, as libwebrtc's pacer does; 0: all at once.
    /// A key frame of over eight packets takes twice as long.
    double spread = 0;
    Time key_frame_interval{};  ///< Zero: one comes first, and then only when asked for.
    std::string codec = "VP8";
    int mid_extension = 0;  ///< Its id where packets carry their mid without anybody having agreed to it.
};

/// One track on its way out: Opus-like packets each 20 ms, or VP8-like frames with a key frame first and on
/// demand. The rate is constant: the server's estimates are counted, not obeyed.
class Sender {
public:
    Sender(Loop& loop, RtpOut& out, sdp::Track track, Media media);

    const sdp::Track& track() const { return track_; }
    sdp::Track& track() { return track_; }

    /// As the answer's section says. A section that takes nothing stops the flow.
    void negotiated(const sdp::Section& section);
    /// Begins or ends the flow; it also needs negotiated().
    void set_connected(bool connected);

    /// Another encoder in the same section, as after removeTrack() and addTrack(): its SSRC is another, and
    /// its numbers look older. Not while it flows.
    void renew();

    void on_key_frame_request();
    void on_nack(const std::vector<uint16_t>& sequence_numbers);
    rtcp::SenderInfo report() const;

    /// Each so-many-th packet is lost before it reaches the socket, as by the network; 0: none.
    unsigned lose_every = 0;

    bool flowing() const { return flowing_; }
    uint64_t packets() const { return packets_; }  ///< Without retransmissions and those lost.
    uint64_t bytes() const { return bytes_; }  ///< Header and payload of what left, retransmissions included.
    uint64_t retransmissions() const { return retransmissions_; }
    uint64_t nacked() const { return nacked_; }  ///< How often a packet was asked for again.
    uint64_t key_frames() const { return key_frames_; }
    const std::vector<Time>& key_frame_requests() const { return key_frame_requests_; }
    const rtcp::ReportBlock& last_report() const { return last_report_; }  ///< Of the server on this track.
    void on_report(const rtcp::ReportBlock& block) { last_report_ = block; }

private:
    void update_flow();
    uint32_t ticks_since_last() const;  ///< Of the media's clock, since the last frame.
    void tick();
    void send_audio_packet();
    Time frame_time() const;
    void begin_frame();
    void send_frame_packet();
    void send_packet(bool marker, Writer payload, size_t size);
    void retransmit(uint16_t sequence);

    struct Sent {
        rtp::Header header;
        Packet payload;
    };

    RtpOut& out_;
    sdp::Track track_;
    Media media_;
    Timer timer_;
    bool connected_ = false;
    bool accepted_ = false;
    bool flowing_ = false;
    bool key_frame_wanted_ = true;
    uint8_t payload_type_ = 0;
    uint8_t rtx_payload_type_ = 0;  ///< 0: no RTX.
    rtp::ExtensionIds extensions_;
    uint16_t sequence_;
    uint16_t rtx_sequence_;
    uint32_t timestamp_;
    Time timestamp_at_{};
    Time next_{};  ///< Sound's next packet, or the next frame.
    struct Frame {
        bool key = false;
        size_t packets = 0;
        size_t sent = 0;
        size_t packet_bytes = 0;
        Time gap{};  ///< From packet to packet.
        Time next{};
    } frame_;
    Time last_key_frame_{};
    uint16_t picture_id_;
    uint32_t number_ = 0;
    std::deque<Sent> history_;

    uint64_t packets_ = 0;
    uint64_t bytes_ = 0;
    uint64_t octets_ = 0;
    uint64_t retransmissions_ = 0;
    uint64_t nacked_ = 0;
    uint64_t key_frames_ = 0;
    std::vector<Time> key_frame_requests_;
    rtcp::ReportBlock last_report_;
};

}  // namespace sluice::peer
