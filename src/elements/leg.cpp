#include "elements/leg.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(sluice_fanout_debug);
#define GST_CAT_DEFAULT sluice_fanout_debug

namespace sluice::elements {
namespace {

/// webrtcbin's session makes a source of a stream's first packet, and has left its probation by the third.
constexpr unsigned kShownFirst = 3;
constexpr gint64 kShownEveryUs = 2 * G_USEC_PER_SEC;
/// So that webrtcbin's way counts the same wraps (RFC 3711 section 3.3.1 tells no leap of 2^15).
constexpr int kShownLeap = 1 << 14;
constexpr size_t kOriginalSequence = 2;  ///< Bytes that RFC 4588 puts before the payload.

/// What is sent again: all that the history has, and then some 10 Mbit/s. Few bytes ask for many packets,
/// which leave by the socket of all consumers.
constexpr double kRepeatsAtOnce = PacketHistory::kPackets, kRepeatsPerSecond = 1000;

}  // namespace

Leg::Leg(GstPad* pad) : pad_(pad), repeats_(kRepeatsAtOnce, kRepeatsPerSecond) {}

void Leg::set_open(bool open) {
    if (open_ == open)
        return;
    if (open)
        begins_ = true;
    open_ = open;
}

void Leg::set_express(std::shared_ptr<const ExpressWay> way) {
    std::lock_guard lock(mutex_);
    express_ = way != nullptr;
    way_ = std::move(way);
    repeat_cipher_.reset();
    express_is_new_ = true;
}

void Leg::set_retransmission(std::shared_ptr<PacketHistory> history, int payload_type, uint32_t ssrc) {
    std::lock_guard lock(mutex_);
    history_ = std::move(history);
    repeat_payload_type_ = payload_type;
    repeat_ssrc_ = ssrc;
    // Below 2^15, or the loss of the very first packets could hide a wrap from the receiver (RFC 3711
    // section 3.3.1).
    repeat_sequence_ = static_cast<uint16_t>(g_random_int_range(0, 1 << 15));
}

void Leg::adopt_express() {
    std::lock_guard lock(mutex_);
    express_is_new_ = false;
    now_ = {.way = way_, .cipher = way_ ? std::make_unique<SrtpCipher>(way_->keys) : nullptr, .to = {}};
}

bool Leg::is_shown(uint16_t sequence, gint64 now_us) {
    const bool leaps = std::abs(static_cast<int16_t>(sequence - shown_sequence_)) > kShownLeap;
    if (shown_ >= kShownFirst && now_us - shown_us_ < kShownEveryUs && !leaps)
        return false;
    shown_++;
    shown_us_ = now_us;
    shown_sequence_ = sequence;
    return true;
}

void Leg::push(GstBuffer* buffer) {
    const GstFlowReturn flow = gst_pad_push(pad_, buffer);
    if (last_flow_.exchange(flow, std::memory_order_relaxed) != flow && flow != GST_FLOW_OK)
        GST_WARNING_OBJECT(pad_, "what is behind answers %s", gst_flow_get_name(flow));
}

/// The other legs have the same buffer.
void Leg::push_numbered(const LegPacket& packet, uint16_t sequence) {
    if (sequence == packet.rtp.sequence())
        return push(gst_buffer_ref(packet.buffer));
    GstBuffer* copy = gst_buffer_copy_deep(packet.buffer);
    const std::array<uint8_t, 2> bytes{static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence)};
    gst_buffer_fill(copy, 2, bytes.data(), bytes.size());
    push(copy);
}

void Leg::take(const LegPacket& packet, ice::Outbox* outbox) {
    const bool open = open_.load(std::memory_order_acquire);  // first: what opens it sets the other before
    const bool begins = begins_.load(std::memory_order_relaxed);
    if (!open || (begins && !packet.begins)) {
        dropped_.add(1);
        return;
    }
    auto numbering = numbering_.load(std::memory_order_relaxed);
    if (begins) {
        begins_.store(false, std::memory_order_relaxed);
        numbering.close_gap(packet.rtp.sequence());
    }
    const auto sequence = numbering.next(packet.rtp.sequence());
    if (!sequence) {
        dropped_.add(1);
        return;
    }
    numbering_.store(numbering, std::memory_order_relaxed);
    packets_.add(1);
    octets_.add(packet.rtp.payload_size);
    bytes_.add(packet.rtp.size);
    if (express_is_new_.load(std::memory_order_acquire))
        adopt_express();
    auto wraps = roll_over_.load(std::memory_order_relaxed);
    const auto roll_over = wraps.of(*sequence);
    roll_over_.store(wraps, std::memory_order_relaxed);
    if (!now_.way || !outbox || is_shown(*sequence, packet.now_us) ||
        packet.rtp.size + SrtpKeys::kTag > ice::Outbox::kBytes) {
        if (outbox)
            outbox->flush();  // what is in it came before
        return push_numbered(packet, *sequence);
    }
    auto& peer = *now_.way->peer;
    if (peer.is_stale(now_.to)) {
        outbox->flush();  // of what is in it some goes where this has pointed
        peer.refresh(now_.to);
    }
    const auto room = outbox->room();
    const auto size = now_.cipher->protect(packet.rtp.data, packet.rtp.size, packet.rtp.payload, *sequence,
                                           roll_over, room.data());
    if (now_.to.fd < 0)
        return peer.send(room.first(size));
    outbox->add(now_.to, size);
    peer.count_sent(1, packet.rtp.size);
}

/// RFC 4588 section 4; the packet's size then. With the mutex.
size_t Leg::make_rtx(RtpPacket& packet) {
    uint8_t* payload = packet.data + packet.payload;
    memmove(payload + kOriginalSequence, payload, packet.size - packet.payload);
    memcpy(payload, packet.data + 2, kOriginalSequence);
    packet.set_payload_type(repeat_payload_type_);
    packet.set_sequence(repeat_sequence_++);
    packet.set_ssrc(repeat_ssrc_);
    return packet.size + kOriginalSequence;
}

void Leg::retransmit(uint16_t sequence) {
    std::array<uint8_t, ice::Outbox::kBytes> packet, out;
    std::shared_ptr<const ExpressWay> way;
    const bool rtx = rtx_;
    size_t size = 0, protected_size = 0;
    GstClockTime pts = GST_CLOCK_TIME_NONE;
    {
        std::lock_guard lock(mutex_);
        const auto of_track = numbering_.load(std::memory_order_relaxed).reverse(sequence);
        GstBuffer* original =
            history_ && repeat_payload_type_ >= 0 && open_ && of_track ? history_->get(*of_track) : nullptr;
        if (!original)
            return;
        if (!repeats_.take(ice::Clock::now())) {
            refused_.add(1);
            gst_buffer_unref(original);
            return;
        }
        size = gst_buffer_extract(original, 0, packet.data(), packet.size());
        pts = GST_BUFFER_PTS(original);
        gst_buffer_unref(original);
        RtpPacket rtp;
        if (!rtp.parse(packet.data(), size) || size + kOriginalSequence + SrtpKeys::kTag > out.size())
            return;
        rtp.set_sequence(sequence);
        if (rtx)
            size = make_rtx(rtp);
        // The same packet with the same number has the same key stream, which tells nobody anything.
        auto wraps = roll_over_.load(std::memory_order_relaxed);
        const auto roll_over = rtx ? repeat_roll_over_.of(rtp.sequence()) : wraps.of(sequence);
        retransmitted_.add(1);
        way = way_;
        if (way && !repeat_cipher_)
            repeat_cipher_ = std::make_unique<SrtpCipher>(way->keys);
        if (way)
            protected_size = repeat_cipher_->protect(packet.data(), size, rtp.payload, rtp.sequence(),
                                                     roll_over, out.data());
    }
    if (way)
        return way->peer->send({out.data(), protected_size});
    GstBuffer* buffer = gst_buffer_new_memdup(packet.data(), size);
    GST_BUFFER_PTS(buffer) = pts;  // By which rtpsession relates the RTP time to its reports'.
    push(buffer);
}

}  // namespace sluice::elements
