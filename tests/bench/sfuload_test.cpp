// What the load tester measures by, against what is known.

#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>

#include "peer/rtp.h"
#include "peer/sender.h"
#include "peer/srtp.h"
#include "peer/udp_socket.h"
#include "sfuload/histogram.h"
#include "sfuload/peek.h"
#include "sfuload/report.h"
#include "sfuload/stream.h"

namespace sluice::load {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kSsrc = 0xCAFEBABE;

class PeekTest : public testing::TestWithParam<bool> {};

/// libsrtp protects, Peek reads: with and without header extension, every offset within a block, over a
/// roll-over.
TEST_P(PeekTest, ReadsWhatLibsrtpProtects) {
    peer::SrtpKeys keys;
    keys.gcm = GetParam();
    for (size_t i = 0; i < keys.local.size(); i++) keys.local[i] = keys.remote[i] = uint8_t(i * 37 + 11);
    peer::SrtpSession session(keys);
    Peek peek(keys);
    for (uint64_t index = 65'400; index < 65'700; index++) {
        peer::Packet payload;
        for (size_t i = 0; i < 48 + index * 37 % 1100; i++) payload.push_back(uint8_t(i * index));
        peer::Writer writer;
        peer::rtp::write_header(writer, {96, false, uint16_t(index), 1, kSsrc},
                                {.abs_send_time = index % 2 ? 2 : 0}, {});
        const size_t header = writer.size();
        const peer::Packet packet = session.protect_rtp(writer.bytes(payload).take());
        const peer::Bytes enciphered = peer::Bytes(packet).subspan(header);
        ASSERT_EQ(enciphered.size(), payload.size() + peek.tag_size());

        std::array<uint8_t, 20> got;
        for (const size_t offset : {size_t(index % 16), payload.size() - got.size()}) {
            peek.read(kSsrc, index, enciphered, offset, got);
            ASSERT_EQ(memcmp(got.data(), &payload[offset], got.size()), 0)
                << "packet " << index << ", offset " << offset;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Ciphers, PeekTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "AesGcm" : "AesCm"; });

TEST(HistogramTest, QuantilesAreWithinAFewPercent) {
    Histogram histogram;
    for (int i = 1; i <= 1000; i++) histogram.add(i * 100us);
    for (const double part : {0.01, 0.5, 0.95, 0.99})
        EXPECT_NEAR(peer::milliseconds(histogram.quantile(part)), 100 * part, 3 * part + 0.2) << part;
    EXPECT_EQ(histogram.max(), 100ms);
    EXPECT_EQ(histogram.quantile(1), 100ms);
}

TEST(HistogramTest, TakesWhatIsBeyondIt) {
    Histogram histogram;
    EXPECT_EQ(histogram.quantile(0.5), 0ms);
    histogram.add(-1ms);  // Clocks of two threads may differ by a little.
    histogram.add(10h);
    EXPECT_EQ(histogram.count(), 2U);
    EXPECT_EQ(histogram.max(), 10h);
    Histogram sum;
    sum.merge(histogram);
    sum.merge(histogram);
    EXPECT_EQ(sum.count(), 4U);
}

TEST(StreamTest, CountsWhatIsMissingDuplicateAndLate) {
    Stream stream(kSsrc, peer::Kind::Video);
    peer::Time at = 1s;
    for (const int sequence : {65'533, 65'534, 0, 65'535, 0, 3, 4})  // Late, twice, and 1 and 2 never.
        stream.on_packet(uint16_t(sequence), 0, at += 10ms);
    const Stream::Counts counts = stream.counts();
    EXPECT_EQ(counts.expected, 8U);
    EXPECT_EQ(counts.received, 6U);
    EXPECT_EQ(counts.reordered, 1U);
    EXPECT_EQ(counts.duplicates, 1U);
}

TEST(StreamTest, ExtendsSequenceNumbersAsSrtpDoes) {
    Stream stream(kSsrc, peer::Kind::Audio);
    EXPECT_EQ(stream.on_packet(65'535, 0, 1s), 65'535U);
    EXPECT_EQ(stream.on_packet(0, 0, 1s), 65'536U);
    EXPECT_EQ(stream.on_packet(0, 0, 1s), std::nullopt);
    EXPECT_EQ(stream.on_packet(2000, 0, 1s), 67'536U);
    EXPECT_EQ(stream.on_packet(1000, 0, 1s), 66'536U);
    EXPECT_EQ(stream.on_packet(900, 0, 1s), std::nullopt);  // Too old to tell.
}

TEST(StreamTest, ReportsLossSinceTheLastReport) {
    Stream stream(kSsrc, peer::Kind::Video);
    for (const int sequence : {1, 2, 4}) stream.on_packet(uint16_t(sequence), 0, 1s);
    EXPECT_EQ(stream.report_block().fraction_lost, 64);
    stream.on_packet(5, 0, 1s);
    const peer::rtcp::ReportBlock block = stream.report_block();
    EXPECT_EQ(block.fraction_lost, 0);
    EXPECT_EQ(block.lost, 1U);
}

TEST(StreamTest, FindsTheLongestGap) {
    Stream stream(kSsrc, peer::Kind::Audio);
    peer::Time at = 1s;
    uint16_t sequence = 0;
    for (const peer::Time pause : {0ms, 20ms, 61ms, 200ms, 20ms})
        stream.on_packet(++sequence, 0, at += pause);
    EXPECT_EQ(stream.gaps().longest, 200ms);
    EXPECT_EQ(stream.gaps().over_60_ms, 2U);
    EXPECT_EQ(stream.gaps().over_150_ms, 1U);
    stream.restart_gaps();
    EXPECT_EQ(stream.gaps().longest, 0ms);
}

TEST(ReportTest, SpreadIsOfTheTimesThemselves) {
    const Spread spread = spread_of({3ms, 1ms, 2ms});
    EXPECT_EQ(spread.count, 3U);
    EXPECT_EQ(spread.p50, 2);
    EXPECT_EQ(spread.max, 3);
    EXPECT_EQ(spread_of({}).count, 0U);
}

/// What a load adds to the light peer.
TEST(PaceTest, SocketsAreReadLateButArrivalIsTheKernels) {
    peer::Loop loop;
    peer::Time read_at{}, arrived_at{};
    peer::UdpSocket receiver(loop, [&](auto, const auto&, peer::Time at) {
        read_at = peer::now();
        arrived_at = at;
    });
    peer::UdpSocket sender(loop, [](auto, const auto&, peer::Time) {});
    const peer::Time begin = peer::now();
    loop.set_pace({.timers = 1ms, .reads = 50ms});
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr = peer::loopback();
    to.sin_port = htons(receiver.port());
    sender.send(peer::Packet{1, 2, 3}, to);
    ASSERT_TRUE(loop.until([&] { return read_at > 0ms; }, 20s)) << "the datagram never came";
    EXPECT_GE(read_at - begin, 50ms);
    EXPECT_GE(arrived_at, begin - 1ms);
    EXPECT_LT(arrived_at, read_at);
}

TEST(SenderTest, SpreadsAFrameAndRepeatsKeyFrames) {
    struct Out final : peer::RtpOut {
        std::vector<std::pair<peer::Time, peer::Packet>> packets;
        void send_rtp(peer::Packet packet) override { packets.emplace_back(peer::now(), std::move(packet)); }
        uint16_t next_transport_sequence() override { return 0; }
    } out;
    peer::Loop loop;
    peer::sdp::Track track;
    track.kind = peer::Kind::Video;
    track.ssrc = kSsrc;
    peer::Sender sender(loop, out, track,
                        {.video_bps = 1'000'000, .spread = 0.4, .key_frame_interval = 100ms});
    peer::sdp::Section section;
    section.port = 9;
    section.direction = "recvonly";
    section.payload_types = {96};
    section.rtpmap = {{96, "VP8/90000"}};
    sender.negotiated(section);
    sender.set_connected(true);
    ASSERT_TRUE(loop.until([&] { return sender.key_frames() >= 3; }, 20s)) << "no third key frame came";

    const auto marker =
        std::ranges::find_if(out.packets, [](const auto& sent) { return sent.second[1] & 0x80; });
    ASSERT_NE(marker, out.packets.end());
    // A key frame of sixteen packets, over 80 % of 33 ms; it never takes less, however busy the machine is.
    EXPECT_EQ(marker - out.packets.begin(), 15);
    EXPECT_GE(marker->first - out.packets.front().first, 24ms);
    for (size_t i = 0; i < out.packets.size(); i++) {
        const auto mark = peer::rtp::read_mark(out.packets[i].second);
        ASSERT_TRUE(mark);
        EXPECT_EQ(mark->number, i);
    }
}

}  // namespace
}  // namespace sluice::load
