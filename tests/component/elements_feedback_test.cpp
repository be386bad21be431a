#include <gtest/gtest.h>
#include <map>
#include <random>

#include "elements/rtp_packet.h"
#include "elements/transport_feedback.h"
#include "peer/bytes.h"
#include "peer/rtcp.h"

namespace sluice::test {
namespace {

using elements::TransportFeedback;
using namespace std::chrono_literals;

constexpr uint32_t kOwn = 1, kMedia = 7;

/// A sender, and all that it is told.
struct TransportFeedbackTest : testing::Test {
    void send(uint16_t number, std::chrono::microseconds at) {
        const auto packet = feedback.on_packet(number, kMedia, at);
        if (!packet)
            return;
        EXPECT_LE(packet->size(), 1200U);
        const auto received = peer::rtcp::parse(*packet);
        ASSERT_EQ(received.size(), 1U);
        EXPECT_EQ(received[0].bytes.size(), packet->size());
        EXPECT_EQ(received[0].sender_ssrc, kOwn);
        EXPECT_EQ(received[0].media_ssrc, kMedia);
        const auto report = received[0].transport_report();
        ASSERT_TRUE(report);
        ASSERT_FALSE(report->arrivals.empty());
        reports.push_back(*report);
    }
    std::vector<uint16_t> arrived() const {
        std::vector<uint16_t> numbers;
        for (const auto& report : reports)
            for (const auto& arrival : report.arrivals) numbers.push_back(arrival.sequence);
        return numbers;
    }

    TransportFeedback feedback{kOwn};
    std::vector<peer::rtcp::TransportReport> reports;
};

TEST(RtpPacket, FindsAnExtension) {
    const auto find = [](uint16_t profile, const peer::Packet& elements, uint8_t id) {
        peer::Writer writer;
        writer.u32(0x90600001).u32(0).u32(7).u16(profile).u16(uint32_t(elements.size()) / 4).bytes(elements);
        auto bytes = writer.take();
        elements::RtpPacket packet;
        EXPECT_TRUE(packet.parse_header(bytes.data(), bytes.size()));
        const auto found = packet.find_extension(id);
        return peer::Packet(found.begin(), found.end());
    };
    constexpr uint16_t kOneByte = 0xBEDE, kTwoByte = 0x1000;
    const peer::Packet one{0x10, 1, 0, 0x31, 2, 3, 0x20, 4};
    EXPECT_EQ(find(kOneByte, one, 3), (peer::Packet{2, 3}));
    EXPECT_EQ(find(kOneByte, one, 2), (peer::Packet{4}));
    EXPECT_TRUE(find(kOneByte, one, 4).empty());
    EXPECT_TRUE(find(kOneByte, {0xF0, 1, 0x31, 2, 3, 0, 0, 0}, 3).empty()) << "15 ends them";
    EXPECT_TRUE(find(kOneByte, {0x10, 1, 0x32, 3}, 3).empty()) << "longer than what is there";
    const peer::Packet two{1, 0, 0, 200, 2, 5, 6, 0};
    EXPECT_EQ(find(kTwoByte, two, 200), (peer::Packet{5, 6}));
    EXPECT_TRUE(find(kTwoByte, two, 1).empty());
    EXPECT_TRUE(find(kTwoByte, {200, 3, 5, 6}, 200).empty());
    EXPECT_TRUE(find(0x1234, one, 3).empty()) << "of another kind";
}

TEST_F(TransportFeedbackTest, EachPacketIsReportedWithItsTime) {
    for (int i = 0; i <= 1000; i++) send(uint16_t(65'000 + i), 1h + i * 7ms);
    ASSERT_EQ(arrived().size(), 1000U) << "all but the last, which waits for the next";
    int i = 0;
    for (const auto& report : reports) {
        EXPECT_EQ(report.count, report.arrivals.size());
        for (const auto& arrival : report.arrivals) {
            EXPECT_EQ(arrival.sequence, uint16_t(65'000 + i));
            EXPECT_EQ(arrival.at, (1h + i * 7ms) / 250us * 250us);
            i++;
        }
    }
    EXPECT_EQ(reports.size(), 1000U / 8) << "50 ms, and what has come by then";
}

TEST_F(TransportFeedbackTest, WhatIsLostIsNotReportedAsCome) {
    for (int i = 0; i < 500; i++)
        if (i % 10 != 3 && (i < 100 || i >= 130))
            send(uint16_t(i), i * 5ms);
    send(500, 1h);
    std::vector<uint16_t> wanted;
    for (int i = 0; i < 500; i++)
        if (i % 10 != 3 && (i < 100 || i >= 130))
            wanted.push_back(uint16_t(i));
    EXPECT_EQ(arrived(), wanted);
    uint16_t next = 0;
    for (const auto& report : reports) {
        EXPECT_EQ(report.base, next) << "what is lost between two reports belongs to the second";
        next = uint16_t(report.base + report.count);
    }
}

TEST_F(TransportFeedbackTest, WhatCameInAnotherOrderIsReportedIfItIsNotTooLate) {
    for (const uint16_t number : {10, 13, 12, 11, 12, 14}) send(number, 1s + number % 5 * 1ms);
    send(15, 2s);
    EXPECT_EQ(arrived(), (std::vector<uint16_t>{10, 11, 12, 13, 14}));
    send(11, 2s);
    send(16, 3s);
    EXPECT_EQ(arrived().back(), 15);
}

TEST_F(TransportFeedbackTest, AfterALongLossItBeginsAnew) {
    send(0, 1s);
    send(20'000, 1s + 1ms);
    ASSERT_EQ(reports.size(), 1U);
    send(20'001, 2s);
    ASSERT_EQ(reports.size(), 2U);
    EXPECT_EQ(reports[1].base, 20'000);
    EXPECT_EQ(reports[1].count, 1);
}

/// rtpsession ends the process.
TEST_F(TransportFeedbackTest, NumbersThatRepeatFit) {
    for (int i = 0; i < 300; i++)
        for (const int number : {0, 1, 0}) send(uint16_t(4 * i + number), 1s + i * 100us);
    send(1200, 2s);
    EXPECT_EQ(arrived().size(), 600U);
}

TEST_F(TransportFeedbackTest, WhateverComesIsReportedOnceAndAsItCame) {
    std::mt19937 random(1);  // the same in each run
    const auto below = [&random](int limit) { return int(random() % unsigned(limit)); };
    std::map<uint16_t, std::chrono::microseconds> came;
    int number = 0;
    std::chrono::microseconds now = 1s;
    for (int i = 0; i < 100'000; i++) {
        now += std::chrono::microseconds(below(i % 5000 < 2500 ? 500 : 90'000));
        const int kind = below(100);
        number += kind < 60 ? 1 : kind < 80 ? below(20) : kind < 98 ? -below(20) : below(6000) - 2000;
        const size_t before = reports.size();
        send(uint16_t(number), now);
        if (reports.size() > before) {
            for (const auto& arrival : reports.back().arrivals) {
                const auto found = came.find(arrival.sequence);
                ASSERT_NE(found, came.end()) << arrival.sequence;
                ASSERT_EQ(arrival.at, found->second / 250us * 250us);
            }
            came.clear();
        }
        came.emplace(uint16_t(number), now);
    }
    EXPECT_GT(reports.size(), 1000U);
}

}  // namespace
}  // namespace sluice::test
