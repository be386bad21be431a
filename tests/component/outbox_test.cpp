#include "ice/outbox.h"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fake_network.h"

namespace sluice::test {
namespace {

using Packets = std::vector<peer::Packet>;

struct OutboxTest : testing::Test {
    void put(const ice::Destination& to, size_t size, uint8_t mark) {
        const auto room = outbox.room();
        ASSERT_GE(room.size(), ice::Outbox::kBytes);
        std::fill_n(room.begin(), size, mark);
        outbox.add(to, size);
    }
    ice::Destination to(const LoopbackSocket& receiver) const {
        return {.fd = sender.fd(), .remote = receiver.address(), .version = 1};
    }

    FakeNetwork network;
    LoopbackSocket sender;
    ice::Outbox outbox{network};
};

TEST_F(OutboxTest, NothingLeavesBeforeItIsFlushed) {
    LoopbackSocket receiver;
    const auto there = to(receiver);
    put(there, 100, 1);
    EXPECT_TRUE(receiver.received().empty());
    outbox.flush();
    EXPECT_EQ(receiver.received(1), Packets{peer::Packet(100, 1)});
    outbox.flush();
    EXPECT_TRUE(receiver.received().empty());
    EXPECT_EQ(network.sent, 1U);
}

TEST_F(OutboxTest, OnePacketForEachOfManyReachesEach) {
    std::vector<std::unique_ptr<LoopbackSocket>> receivers;
    std::vector<ice::Destination> there;
    constexpr size_t kMany = 150;  // more than one flush holds
    for (size_t i = 0; i < kMany; i++)
        there.push_back(to(*receivers.emplace_back(std::make_unique<LoopbackSocket>())));
    for (size_t i = 0; i < kMany; i++) put(there[i], 1200, uint8_t(i));
    outbox.flush();
    for (size_t i = 0; i < kMany; i++)
        EXPECT_EQ(receivers[i]->received(1), Packets{peer::Packet(1200, uint8_t(i))});
    EXPECT_EQ(network.sent, kMany);
}

TEST_F(OutboxTest, RunsOfOneSizeForOnePeerStayApartAndInOrder) {
    LoopbackSocket one, other;
    const auto first = to(one), second = to(other);
    Packets wanted;
    uint8_t mark = 0;
    for (const size_t size : {1200, 1200, 1200, 700, 700, 1200, 80, 1200}) {
        put(first, size, mark);
        wanted.emplace_back(size, mark++);
    }
    put(second, 1200, 99);
    put(first, 5, 100);
    wanted.emplace_back(5, 100);
    outbox.flush();
    EXPECT_EQ(one.received(wanted.size()), wanted);
    EXPECT_EQ(other.received(1), Packets{peer::Packet(1200, 99)});
    EXPECT_EQ(network.sent, 10U);
}

/// For a process of one thread. Root needs no user namespace for it, and in a chroot gets none.
bool enter_network_with_mtu(int mtu) {
    if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
        return false;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    strcpy(loopback.ifr_name, "lo");
    loopback.ifr_mtu = mtu;
    bool is_up = ioctl(fd, SIOCSIFMTU, &loopback) == 0;
    loopback.ifr_flags = IFF_UP;
    is_up = is_up && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    close(fd);
    return is_up;
}

TEST_F(OutboxTest, WhatAPathTakesOnlyInFragmentsArrivesToo) {
    const auto arrives = [this] {
        if (!enter_network_with_mtu(1000))
            return false;
        LoopbackSocket near, receiver;
        const ice::Destination there{.fd = near.fd(), .remote = receiver.address(), .version = 1};
        Packets wanted;
        for (uint8_t mark = 0; mark < 4; mark++) {
            put(there, 1200, mark);
            wanted.emplace_back(1200, mark);
        }
        outbox.flush();
        return receiver.received(wanted.size()) == wanted && network.sent == 4 && network.not_sent == 0;
    };
    EXPECT_EXIT(std::_Exit(arrives() ? 0 : 1), testing::ExitedWithCode(0), "");
}

TEST_F(OutboxTest, WhatTheSystemRefusesIsCountedAndHoldsUpNobody) {
    LoopbackSocket receiver;
    const auto there = to(receiver);
    const ice::Destination nowhere{
        .fd = sender.fd(), .remote = *ice::Endpoint::from("255.255.255.255", 9), .version = 1};
    put(nowhere, 10, 1);
    put(there, 10, 2);
    put(nowhere, 10, 3);
    put(there, 10, 4);
    outbox.flush();
    EXPECT_EQ(receiver.received(2), (Packets{peer::Packet(10, 2), peer::Packet(10, 4)}));
    EXPECT_EQ(network.sent, 2U);
    EXPECT_EQ(network.not_sent, 2U);
}

}  // namespace
}  // namespace sluice::test
