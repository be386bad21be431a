#include "elements/srtp_receiver.h"

#include <gst/gst.h>

#include "elements/rtp_packet.h"

namespace sluice::elements {
namespace {

/// The index that a sequence number most likely stands for (RFC 3711 appendix A). Below zero: before the
/// stream's first wrap there is none.
int64_t guess(const ReplayWindow* window, uint16_t sequence) {
    if (!window)
        return sequence;
    const auto ahead = static_cast<int16_t>(sequence - static_cast<uint16_t>(window->highest()));
    return static_cast<int64_t>(window->highest()) + ahead;
}

}  // namespace

bool ReplayWindow::is_new(uint64_t index) const {
    if (!begun_ || index > highest_)
        return true;
    const uint64_t age = highest_ - index;
    return age < kSize && !(seen_[age / 64] >> age % 64 & 1);
}

void ReplayWindow::add(uint64_t index) {
    if (!begun_ || index > highest_) {
        const uint64_t by = begun_ ? index - highest_ : kSize;
        if (by >= kSize)
            seen_ = {};
        else if (by >= 64)
            seen_ = {0, seen_[0] << (by - 64)};
        else
            seen_ = {seen_[0] << by, seen_[1] << by | seen_[0] >> (64 - by)};
        highest_ = index;
        begun_ = true;
    }
    const uint64_t age = highest_ - index;
    seen_[age / 64] |= uint64_t{1} << age % 64;
}

SrtpReceiver::SrtpReceiver(const std::shared_ptr<const SrtpKeys>& keys)
    : rtp_cipher_(keys, SrtpCipher::Kind::Rtp), rtcp_cipher_(keys, SrtpCipher::Kind::Rtcp) {}

SrtpReceiver::Outcome SrtpReceiver::open_rtp(uint8_t* packet, size_t& size) {
    if (size < SrtpKeys::kTag)
        return Outcome::Malformed;
    RtpPacket rtp;
    // Padding is still encrypted: its length is nobody's business yet.
    const size_t plain = size - SrtpKeys::kTag;
    if (!rtp.parse_header(packet, plain))
        return Outcome::Malformed;
    const uint32_t ssrc = rtp.ssrc();
    auto* window = find(rtp_, ssrc);
    const int64_t index = guess(window, rtp.sequence());
    if (index < 0 || (window && !window->is_new(static_cast<uint64_t>(index))))
        return Outcome::Replayed;
    const auto roll_over = static_cast<uint32_t>(index >> 16);
    if (!rtp_cipher_.is_authentic(packet, size, roll_over))
        return Outcome::NotAuthentic;
    rtp_cipher_.open(packet, plain - rtp.payload, rtp.payload, roll_over);
    size = plain;
    return remember(rtp_, ssrc, window, static_cast<uint64_t>(index));
}

SrtpReceiver::Outcome SrtpReceiver::open_rtcp(uint8_t* packet, size_t& size) {
    if (size < SrtpKeys::kRtcpHeader + SrtpKeys::kRtcpTrailer || packet[0] >> 6 != 2)
        return Outcome::Malformed;
    const size_t plain = size - SrtpKeys::kRtcpTrailer;
    const uint32_t ssrc = GST_READ_UINT32_BE(packet + 4), number = GST_READ_UINT32_BE(packet + plain);
    constexpr uint32_t kEncrypted = uint32_t{1} << 31;
    const uint32_t index = number & ~kEncrypted;
    auto* window = find(rtcp_, ssrc);
    if (window && !window->is_new(index))
        return Outcome::Replayed;
    if (!rtcp_cipher_.is_authentic_rtcp(packet, size))
        return Outcome::NotAuthentic;
    if (number & kEncrypted)
        rtcp_cipher_.open_rtcp(packet, plain - SrtpKeys::kRtcpHeader, index);
    size = plain;
    return remember(rtcp_, ssrc, window, index);
}

ReplayWindow* SrtpReceiver::find(Streams& streams, uint32_t ssrc) {
    const auto found = streams.find(ssrc);
    return found == streams.end() ? nullptr : &found->second;
}

SrtpReceiver::Outcome SrtpReceiver::remember(Streams& streams, uint32_t ssrc, ReplayWindow* window,
                                             uint64_t index) {
    if (!window && streams.size() >= kStreams)
        return Outcome::TooManyStreams;
    (window ? *window : streams[ssrc]).add(index);
    return Outcome::Opened;
}

}  // namespace sluice::elements
