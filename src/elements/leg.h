#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include <gst/gst.h>

#include "elements/numbering.h"
#include "elements/packet_history.h"
#include "elements/rtp_packet.h"
#include "elements/srtp.h"
#include "ice/network.h"
#include "ice/outbox.h"
#include "ice/rate_limit.h"

namespace sluice::elements {

/// What a connection needs to send past its webrtcbin.
struct ExpressWay {
    std::shared_ptr<ice::Peer> peer;
    std::shared_ptr<const SrtpKeys> keys;  ///< The same that webrtcbin protects with.
};

/// One packet on its way to all legs of a fan-out.
struct LegPacket {
    GstBuffer* buffer = nullptr;
    RtpPacket rtp;
    bool begins = false;  ///< A decoder can begin here.
    gint64 now_us = 0;    ///< Monotonic.
};

/// One consumer's share of a track. Closed until opened; a video leg begins with a key frame.
///
/// Without an express way each packet is pushed on to webrtcbin. With one, the leg protects packets itself
/// and hands them to the socket; webrtcbin is shown the first few, and then one every two seconds or after a
/// leap, which go out through it: so its session knows the stream, and the clock of its sender reports stays
/// true. Both ways protect with the same key, so a packet goes one way only, and both count the wraps of the
/// sequence number from the same packet on. What is sent again as it was is the same to the byte.
///
/// Sequence numbers go on over the times when it was closed: they are the consumer's own, and what the shared
/// packet says stays as it is.
///
/// take() belongs to the fan-out's thread; all else is for any.
class Leg {
public:
    explicit Leg(GstPad* pad);
    Leg(const Leg&) = delete;
    Leg& operator=(const Leg&) = delete;

    void set_open(bool open);
    bool is_open() const { return open_; }
    /// Null: the long way. The next packet goes by it.
    void set_express(std::shared_ptr<const ExpressWay> way);
    bool is_express() const { return express_; }
    /// How retransmissions are sent (RFC 4588); before the first request.
    void set_retransmission(std::shared_ptr<PacketHistory> history, int payload_type, uint32_t ssrc);
    /// false: the peer has not taken that, and gets packets again as they were (RFC 4585 section 6.2.1).
    void set_rtx(bool taken) { rtx_ = taken; }

    void take(const LegPacket& packet, ice::Outbox* outbox);
    /// Sends a packet again; `sequence` is the consumer's. A thread of the connection.
    void retransmit(uint16_t sequence);

    /// Sent, without retransmissions: what sender reports say.
    uint64_t packets() const { return packets_; }
    uint64_t octets() const { return octets_; }  ///< Of payload.
    uint64_t bytes() const { return bytes_; }    ///< With headers.
    uint64_t dropped() const { return dropped_; }
    uint64_t retransmitted() const { return retransmitted_; }
    /// Asked for more often than anything is sent again.
    uint64_t refused() const { return refused_; }
    GstFlowReturn last_flow() const { return last_flow_; }

private:
    /// A counter with one writer.
    class Counter {
    public:
        void add(uint64_t n) {
            value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
        }
        operator uint64_t() const { return value_.load(std::memory_order_relaxed); }

    private:
        std::atomic<uint64_t> value_{0};
    };

    bool is_shown(uint16_t sequence, gint64 now_us);
    void push(GstBuffer* buffer);
    void push_numbered(const LegPacket& packet, uint16_t sequence);
    void adopt_express();
    size_t make_rtx(RtpPacket& packet);

    GstPad* pad_;  ///< The owner.
    std::atomic<bool> open_{false};
    std::atomic<bool> begins_{true};  ///< The next packet to pass is one at which a decoder can begin.
    std::atomic<bool> express_{false};
    std::atomic<bool> express_is_new_{false};
    std::atomic<GstFlowReturn> last_flow_{GST_FLOW_OK};
    std::atomic<bool> rtx_{true};
    // These have one writer, the fan-out's thread.
    std::atomic<Numbering> numbering_{};
    std::atomic<RollOver> roll_over_{};
    static_assert(std::atomic<Numbering>::is_always_lock_free && std::atomic<RollOver>::is_always_lock_free);
    Counter packets_, octets_, bytes_, dropped_, retransmitted_, refused_;

    // The fan-out's thread.
    struct Express {
        std::shared_ptr<const ExpressWay> way;
        std::unique_ptr<SrtpCipher> cipher;
        ice::Destination to;
    } now_;
    unsigned shown_ = 0;
    gint64 shown_us_ = 0;
    uint16_t shown_sequence_ = 0;

    std::mutex mutex_;  // all below
    std::shared_ptr<const ExpressWay> way_;
    std::shared_ptr<PacketHistory> history_;
    std::unique_ptr<SrtpCipher> repeat_cipher_;
    RollOver repeat_roll_over_;
    ice::RateLimit repeats_;
    int repeat_payload_type_ = -1;
    uint32_t repeat_ssrc_ = 0;
    uint16_t repeat_sequence_ = 0;
};

}  // namespace sluice::elements
