#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer/ice_transport.h"
#include "peer/srtp.h"
#include "sfuload/histogram.h"
#include "sfuload/media_thread.h"
#include "sfuload/peek.h"
#include "sfuload/stream.h"

namespace sluice::load {

/// One connection that receives, as a browser's would, but hardly looks at what comes: see Peek. On the media
/// thread.
class Consumer {
public:
    struct Settings {
        in_addr address = peer::loopback();
        bool check_all = false;  ///< Decrypts and authenticates everything.
    };
    enum class State { New, Connecting, Connected, Failed, Closed };
    /// A producer's counts of packets sent: all before `end` that are not before `begin` are awaited.
    struct Numbers {
        uint32_t audio = 0;
        uint32_t video = 0;
    };

    Consumer(MediaThread& media, Settings settings);
    ~Consumer();
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

    /// Applies the offer, begins to connect, and answers.
    Result<std::string> answer(const std::string& offer);
    void close();

    State state() const { return state_; }
    const std::string& failure() const { return failure_; }
    /// Zero: not yet.
    peer::Time connected_at() const { return connected_at_; }
    peer::Time first_packet_at() const { return first_packet_at_; }
    peer::Time first_key_frame_at() const { return first_key_frame_at_; }
    /// It has connected and gets all that it was offered, beginning with a key frame.
    bool has_media() const;

    /// The time in which is measured: between these two calls.
    void begin_window(Numbers sent);
    void end_window(Numbers sent);
    struct Window {
        uint64_t expected = 0;  ///< What the producer sent.
        uint64_t received = 0;  ///< Of those; also what came after the window.
        Stream::Counts by_sequence;
        Stream::Gaps audio_gaps, video_gaps;
    };
    Window window() const;
    /// From the producer's sending to the kernel's receiving, in the window.
    const Histogram& delay() const { return delay_; }

    uint64_t packets_checked() const { return packets_checked_; }  ///< In full.
    uint64_t damaged() const { return damaged_; }  ///< Without the producer's mark, or no VP8.
    uint64_t not_authentic() const { return srtp_ ? srtp_->not_authentic() : 0; }
    bool is_gcm() const { return gcm_; }

private:
    void on_datagram(std::span<uint8_t> datagram, peer::Time at);
    void on_secured(const peer::SrtpKeys& keys);
    void on_rtcp(std::span<uint8_t> packet);
    void on_rtp(std::span<uint8_t> packet, peer::Time at);
    void on_payload(Stream& stream, uint64_t index, peer::Bytes payload, bool clear, peer::Time at);
    Stream& stream_of(uint32_t ssrc, peer::Kind kind);
    void send_report();
    void send_feedback();
    void send_key_frame_request();
    void send_rtcp(peer::Packet packet);
    void end(State state, const std::string& why);

    enum class Format : uint8_t { Unknown, Audio, Video, Other };

    MediaThread& media_;
    Settings settings_;
    std::string cname_;
    State state_ = State::New;
    std::string failure_;
    std::unique_ptr<peer::IceTransport> ice_;
    std::unique_ptr<peer::DtlsSession> dtls_;
    std::unique_ptr<peer::SrtpSession> srtp_;
    std::optional<Peek> peek_;
    bool gcm_ = false;
    peer::Timer report_timer_;
    peer::Timer feedback_timer_;
    peer::Timer key_frame_timer_;

    std::array<Format, 128> formats_{};  ///< By payload type.
    uint32_t video_ssrc_ = 0;
    bool wants_audio_ = false;
    bool wants_video_ = false;
    int transport_cc_ = 0;  ///< Extension id; 0: not negotiated.
    std::vector<peer::rtcp::Arrival> arrivals_;
    uint8_t feedback_count_ = 0;

    std::vector<Stream> streams_;
    peer::Time connected_at_{}, first_packet_at_{}, first_key_frame_at_{};
    bool measuring_ = false;
    Numbers begin_, end_;
    std::vector<Stream::Counts> counts_at_begin_, counts_at_end_;
    uint64_t received_in_window_ = 0;
    Stream::Gaps audio_gaps_, video_gaps_;
    Histogram delay_;
    uint64_t packets_checked_ = 0;
    uint64_t damaged_ = 0;
};

}  // namespace sluice::load
