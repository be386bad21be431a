#include <gtest/gtest.h>

#include "element_fixture.h"
#include "elements/packet_history.h"
#include "elements/rtp_packet.h"
#include "elements/session_guard.h"
#include "elements/srtp.h"
#include "elements/srtp_receiver.h"
#include "peer/rtcp.h"
#include "peer/srtp.h"

namespace sluice::test {
namespace {

using elements::PacketHistory;
using elements::ReplayWindow;
using elements::RollOver;
using elements::SessionGuard;
using elements::SrtpCipher;
using elements::SrtpKeys;
using elements::SrtpReceiver;

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
        EXPECT_EQ(cipher.protect(plain.data(), plain.size(), parsed.payload, packet.sequence, roll_over,
                                 out.data()),
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

TEST_F(Srtp, LibsrtpReadsTheRtcpThatWeProtect) {
    SrtpCipher cipher(keys_, SrtpCipher::Kind::Rtcp);
    for (uint32_t index = 1; index < 10; index++) {
        const auto plain = peer::rtcp::picture_loss(7, index);
        peer::Packet out(plain.size() + SrtpKeys::kRtcpTrailer);
        ASSERT_EQ(cipher.protect_rtcp(plain.data(), plain.size(), index, out.data()), out.size());
        const auto inside = receiver_->unprotect_rtcp(out);
        ASSERT_TRUE(inside);
        EXPECT_EQ(peer::Packet(inside->begin(), inside->end()), plain);
    }
}

/// libsrtp's sends to ours.
struct SrtpReceiving : testing::Test {
    using Outcome = SrtpReceiver::Outcome;
    SrtpReceiving() {
        for (size_t i = 0; i < master_.size(); i++) master_[i] = uint8_t(11 * i + 5);
        sender_ = std::make_unique<peer::SrtpSession>(peer::SrtpKeys{.local = master_, .remote = {1}});
        receiver_.emplace(SrtpKeys::derive(master_));
    }
    static Rtp rtp(uint16_t sequence) {
        return {.sequence = sequence, .payload = peer::Packet(1 + sequence % 1000, uint8_t(sequence))};
    }
    Outcome rtp_outcome(peer::Packet packet) {
        size_t size = packet.size();
        return receiver_->open_rtp(packet.data(), size);
    }
    Outcome rtcp_outcome(peer::Packet packet) {
        size_t size = packet.size();
        return receiver_->open_rtcp(packet.data(), size);
    }
    void expect_opened(peer::Packet packet, const peer::Packet& plain) {
        size_t size = packet.size();
        ASSERT_EQ(receiver_->open_rtp(packet.data(), size), Outcome::Opened);
        packet.resize(size);
        EXPECT_EQ(packet, plain);
    }

    std::array<uint8_t, 30> master_{};
    std::unique_ptr<peer::SrtpSession> sender_;
    std::optional<SrtpReceiver> receiver_;
};

TEST_F(SrtpReceiving, WhatLibsrtpProtects) {
    for (uint32_t i = 65400; i < 65700; i++) {  // over a wrap
        Rtp packet = rtp(uint16_t(i));
        if (i % 2)
            packet.extension = {0x10, 0xaa, 0, 0};
        if (i % 3 == 0)
            packet.padding = 4;
        expect_opened(sender_->protect_rtp(packet.write()), packet.write());
    }
}

TEST_F(SrtpReceiving, OutOfOrderOverAWrap) {
    std::vector<std::pair<peer::Packet, peer::Packet>> packets;
    for (uint32_t i = 65500; i < 65600; i++) {
        const auto plain = rtp(uint16_t(i)).write();
        packets.emplace_back(sender_->protect_rtp(plain), plain);
    }
    for (size_t i = 0; i < packets.size(); i++) {
        const auto& [packet, plain] = packets[i / 10 * 10 + (9 - i % 10)];
        expect_opened(packet, plain);
    }
}

TEST_F(SrtpReceiving, EachPacketOnce) {
    std::vector<peer::Packet> packets;
    for (uint16_t i = 0; i < 400; i++) packets.push_back(sender_->protect_rtp(rtp(i).write()));
    for (size_t i = 0; i < packets.size(); i += 2) ASSERT_EQ(rtp_outcome(packets[i]), Outcome::Opened) << i;
    for (size_t i = 0; i < packets.size(); i += 2) ASSERT_EQ(rtp_outcome(packets[i]), Outcome::Replayed) << i;
    EXPECT_EQ(rtp_outcome(packets[399]), Outcome::Opened);
    EXPECT_EQ(rtp_outcome(packets[399 - ReplayWindow::kSize]), Outcome::Replayed) << "too old to be known";
    EXPECT_EQ(rtp_outcome(packets[399 - ReplayWindow::kSize + 2]), Outcome::Opened) << "late";
}

TEST_F(SrtpReceiving, AnyChangedOctetIsNoticed) {
    const auto packet = sender_->protect_rtp(rtp(3).write());
    for (size_t i = 0; i < packet.size(); i++) {
        auto changed = packet;
        changed[i] ^= 0x01;
        EXPECT_NE(rtp_outcome(changed), Outcome::Opened) << i;
    }
    EXPECT_EQ(rtp_outcome(packet), Outcome::Opened) << "and leaves no trace";
    const auto report = sender_->protect_rtcp(peer::rtcp::picture_loss(7, 8));
    for (size_t i = 0; i < report.size(); i++) {
        auto changed = report;
        changed[i] ^= 0x01;
        EXPECT_NE(rtcp_outcome(changed), Outcome::Opened) << i;
    }
    EXPECT_EQ(rtcp_outcome(report), Outcome::Opened);
    EXPECT_EQ(rtcp_outcome(report), Outcome::Replayed);
}

TEST_F(SrtpReceiving, RtcpThatLibsrtpProtects) {
    for (uint32_t i = 0; i < 10; i++) {
        const auto plain = peer::rtcp::picture_loss(7, i);
        auto packet = sender_->protect_rtcp(plain);
        size_t size = packet.size();
        ASSERT_EQ(receiver_->open_rtcp(packet.data(), size), Outcome::Opened);
        packet.resize(size);
        EXPECT_EQ(packet, plain);
    }
}

TEST_F(SrtpReceiving, ShortAndForgedPackets) {
    for (size_t size = 0; size < 64; size++) {
        for (const uint8_t first : {0x00, 0x80, 0x9f, 0xbf, 0xff}) {
            const peer::Packet packet(size, first);
            EXPECT_NE(rtp_outcome(packet), Outcome::Opened) << size;
            EXPECT_NE(rtcp_outcome(packet), Outcome::Opened) << size;
        }
    }
}

TEST_F(SrtpReceiving, StreamsAreLimited) {
    for (uint32_t i = 0; i <= SrtpReceiver::kStreams; i++) {
        Rtp packet = rtp(1);
        packet.ssrc = 1000 + i;
        EXPECT_EQ(rtp_outcome(sender_->protect_rtp(packet.write())),
                  i < SrtpReceiver::kStreams ? Outcome::Opened : Outcome::TooManyStreams);
    }
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

/// A sender report without blocks, and an SDES packet of these words (RFC 3550 section 6.5).
peer::Packet compound_with(const peer::Packet& chunks) {
    peer::Packet packet(28);
    packet[0] = 0x80;
    packet[1] = 200;
    packet[3] = 6;
    packet.insert(packet.end(), {0x81, 202, 0, uint8_t(chunks.size() / 4)});
    packet.insert(packet.end(), chunks.begin(), chunks.end());
    return packet;
}

TEST(SessionGuard, AnItemEndsWithinItsPacket) {
    SessionGuard guard;
    auto whole = compound_with({0, 0, 0, 1, 1, 2, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 'c', 'd'});
    const auto before = whole;
    EXPECT_TRUE(guard.admit_rtcp(whole));
    EXPECT_EQ(whole, before);
    for (const auto& chunks :
         {peer::Packet{0, 0, 0, 1, 1, 255, 'a', 'b'}, peer::Packet{0, 0, 0, 1, 1, 3, 'a', 'b'},
          peer::Packet{0, 0, 0, 1, 1, 1, 'a', 2}}) {
        auto packet = compound_with(chunks);
        EXPECT_FALSE(guard.admit_rtcp(packet));
    }
    auto cut = compound_with({0, 0, 0, 1, 1, 255, 'a', 'b'});
    cut.pop_back();
    EXPECT_TRUE(guard.admit_rtcp(cut)) << "nobody reads a packet that is not whole";
}

TEST(SessionGuard, WhatIsPrivateBecomesANote) {
    auto packet = compound_with({0, 0, 0, 1, 8, 3, 200, 'b', 'c', 1, 1, 'd', 0, 0, 0, 0});
    auto wanted = packet;
    wanted[36] = 7;
    EXPECT_TRUE(SessionGuard().admit_rtcp(packet));
    EXPECT_EQ(packet, wanted);
}

TEST(SessionGuard, FeedbackOfTransportIsForNobody) {
    auto packet = peer::rtcp::receiver_report(1, {}, "a");
    peer::Writer feedback;  // Of one packet, which is lost.
    feedback.u8(0x8f).u8(205).u16(5).u32(1).u32(2).u16(0).u16(1).u32(0).u16(1).u16(0);
    const auto bytes = feedback.take();
    packet.insert(packet.end(), bytes.begin(), bytes.end());

    const gst::Owned<GstHarness, gst_harness_teardown> harness(
        gst_harness_new_with_padnames("rtpsession", "recv_rtcp_sink", nullptr));
    // What it reads it tells whoever sends, and leaks it if there is nobody.
    const auto sender =
        gst::Ref<GstPad>::adopt(gst_element_request_pad_simple(harness->element, "send_rtp_sink"));
    gst_harness_set_src_caps_str(harness.get(), "application/x-rtcp");
    const auto is_read = [&harness](const peer::Packet& rtcp) {
        gst_harness_push(harness.get(), gst_buffer_new_memdup(rtcp.data(), rtcp.size()));
        GstStructure* heard = nullptr;
        g_object_get(harness->element, "twcc-stats", &heard, nullptr);
        return gst::Owned<GstStructure, gst_structure_free>(heard) != nullptr;
    };
    auto admitted = packet;
    EXPECT_TRUE(SessionGuard().admit_rtcp(admitted));
    EXPECT_FALSE(is_read(admitted));
    EXPECT_TRUE(is_read(packet)) << "rtpsession can do without this";
}

TEST(SessionGuard, NacksAreReadOfOneThatNeedsThem) {
    std::vector<uint16_t> lost;
    for (uint16_t i = 0; i < 100; i++) lost.push_back(uint16_t(i * 17));  // An item for each.
    const auto asks = [&lost](SessionGuard& guard) {
        auto packet = peer::rtcp::nack(1, 2, lost);
        return guard.admit_rtcp(packet);
    };
    SessionGuard guard;
    const auto began = ice::Clock::now();
    double read = 0;
    for (int i = 0; i < 10'000; i++) read += asks(guard) ? 100 : 0;
    const std::chrono::duration<double> lasted = ice::Clock::now() - began;
    EXPECT_GE(read, SessionGuard::kNacks);
    EXPECT_LE(read, SessionGuard::kNacks * (1 + lasted.count()) + 100);
}

TEST(SessionGuard, APeerHasNoMoreSourcesThanThat) {
    const auto ssrc = [](uint32_t number) { return peer::Writer().u32(number).take(); };
    const auto rtp = [&](uint32_t csrc) {
        peer::Packet packet(12);
        packet[0] = 0x81;
        const auto bytes = ssrc(csrc);
        packet.insert(packet.end(), bytes.begin(), bytes.end());
        return packet;
    };
    SessionGuard guard;
    for (uint32_t i = 1; i < SessionGuard::kSources; i++) {
        auto packet = compound_with(ssrc(i));  // The report is of source 0.
        ASSERT_TRUE(guard.admit_rtcp(packet)) << i;
    }
    EXPECT_TRUE(guard.admit_rtp(rtp(7)));
    auto report = peer::rtcp::receiver_report(7, {}, "a");
    EXPECT_TRUE(guard.admit_rtcp(report)) << "of one that is known";
    EXPECT_FALSE(guard.admit_rtp(rtp(SessionGuard::kSources)));
    report = peer::rtcp::receiver_report(SessionGuard::kSources, {}, "a");
    EXPECT_FALSE(guard.admit_rtcp(report));
    auto chunk = compound_with(ssrc(SessionGuard::kSources));
    EXPECT_FALSE(guard.admit_rtcp(chunk));
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
