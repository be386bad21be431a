#include <gtest/gtest.h>

#include "element_fixture.h"
#include "elements/packet_history.h"
#include "elements/rtp_packet.h"
#include "elements/srtp.h"
#include "peer/srtp.h"

namespace sluice::test {
namespace {

using elements::PacketHistory;
using elements::RollOver;
using elements::SrtpCipher;
using elements::SrtpKeys;

/// Ours sends to libsrtp's.
struct Srtp : testing::Test {
    Srtp() {
        for (size_t i = 0; i < master_.size(); i++) master_[i] = uint8_t(7 * i + 3);
        keys_ = SrtpKeys::derive(master_);
        receiver_ = std::make_unique<peer::SrtpSession>(peer::SrtpKeys{.local = {1}, .remote = master_});
    }
    /// What libsrtp makes of it; empty: nothing.
    peer::Packet received(SrtpCipher& cipher, const Rtp& packet, uint32_t roll_over) {
        const auto plain = packet.write();
        elements::RtpPacket parsed;
        auto copy = plain;
        EXPECT_TRUE(parsed.parse(copy.data(), copy.size()));
        peer::Packet out(plain.size() + SrtpKeys::kTag);
        EXPECT_EQ(cipher.protect(plain.data(), plain.size(), parsed.payload, roll_over, out.data()),
                  out.size());
        const auto inside = receiver_->unprotect_rtp(out);
        return inside ? peer::Packet(inside->begin(), inside->end()) : peer::Packet();
    }

    std::array<uint8_t, 30> master_{};
    std::shared_ptr<const SrtpKeys> keys_;
    std::unique_ptr<peer::SrtpSession> receiver_;
};

TEST_F(Srtp, LibsrtpReadsWhatWeProtect) {
    SrtpCipher cipher(keys_);
    for (uint16_t sequence = 100; sequence < 110; sequence++) {
        Rtp packet{.sequence = sequence, .payload = peer::Packet(sequence, uint8_t(sequence))};
        if (sequence % 2)
            packet.extension = {0x10, 0xaa, 0, 0};
        if (sequence % 3 == 0)
            packet.padding = 4;
        EXPECT_EQ(received(cipher, packet, 0), packet.write());
    }
    EXPECT_EQ(receiver_->not_authentic(), 0U);
}

TEST_F(Srtp, TheSequenceNumberWraps) {
    SrtpCipher cipher(keys_);
    RollOver roll_over;
    for (uint32_t i = 65500; i < 65600; i++) {
        const Rtp packet{.sequence = uint16_t(i)};
        EXPECT_EQ(received(cipher, packet, roll_over.of(packet.sequence)), packet.write()) << i;
    }
}

TEST_F(Srtp, AKeyIsOfOneSize) {
    EXPECT_EQ(SrtpKeys::derive(std::span(master_).first(29)), nullptr);
    EXPECT_EQ(SrtpKeys::derive({}), nullptr);
}

TEST(RollOverOfSequences, CountsWrapsInWhateverOrder) {
    RollOver roll_over;
    EXPECT_EQ(roll_over.of(65530), 0U);
    EXPECT_EQ(roll_over.of(2), 1U);
    EXPECT_EQ(roll_over.of(65534), 0U) << "late, of before the wrap";
    EXPECT_EQ(roll_over.of(1), 1U);
    EXPECT_EQ(roll_over.of(30000), 1U);
    EXPECT_EQ(roll_over.of(60000), 1U);
    EXPECT_EQ(roll_over.of(3), 2U);
}

TEST(History, KeepsTheLastPacketsAndOnlyThose) {
    PacketHistory history;
    const auto packets = int(PacketHistory::kPackets);
    for (int i = 0; i < packets + 10; i++) {
        GstBuffer* buffer = gst_buffer_new();
        GST_BUFFER_OFFSET(buffer) = guint64(i);
        history.put(uint16_t(65000 + i), buffer);
        gst_buffer_unref(buffer);
    }
    EXPECT_EQ(history.get(uint16_t(65000 + 9)), nullptr) << "too old";
    EXPECT_EQ(history.get(uint16_t(65000 + packets + 10)), nullptr) << "never there";
    for (const int i : {10, packets / 2, packets + 9}) {
        const auto found = gst::Ref<GstBuffer>::adopt(history.get(uint16_t(65000 + i)));
        ASSERT_TRUE(found) << i;
        EXPECT_EQ(GST_BUFFER_OFFSET(found.get()), guint64(i));
    }
    history.clear();
    EXPECT_EQ(history.get(uint16_t(65000 + packets)), nullptr);
}

}  // namespace
}  // namespace sluice::test
