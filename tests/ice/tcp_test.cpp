#include <sys/resource.h>

#include "ice/network_fixture.h"

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;
using test::IceClient;
using test::OnePeer;
using test::Packet;
using test::Subject;

struct TcpTest : OnePeer {
    using Client = IceClient;
    static constexpr auto kTcp = IceClient::Transport::Tcp;
    static constexpr uint32_t kWorse = IceClient::kPriority - (1 << 24);
};

TEST_F(TcpTest, ConnectsAndGivesMediaBothWays) {
    Client client(address, kTcp);
    ASSERT_TRUE(connect(client));
    EXPECT_TRUE(subject->hears(client) && subject->reaches(client));
    EXPECT_EQ(peer.remote_address(), client.local().text() + " (TCP)");
    EXPECT_EQ(peer.received().packets, 1U);
    EXPECT_EQ(peer.sent().packets, 1U);
    EXPECT_EQ(network->stats().tcp_connections, 1U);
}

/// RFC 4571: the length may come apart from the packet, and several packets at once.
TEST_F(TcpTest, FindsFramesHoweverTheyAreCut) {
    Client client(address, kTcp);
    ASSERT_TRUE(connect(client));
    Packet bytes;
    for (uint16_t i = 1; i <= 20; i++) {
        const auto packet = Subject::rtp(i, 20 + i);
        const auto frame =
            peer::Writer().u16(static_cast<uint32_t>(packet.size())).bytes(packet).u16(0).take();
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    for (size_t at = 0, size = 1; at < bytes.size(); at += size, size = size % 37 + 1)
        client.send_raw(test::Bytes(bytes).subspan(at, std::min(size, bytes.size() - at)));
    for (uint16_t i = 1; i <= 20; i++) EXPECT_EQ(subject->received.take(), Subject::rtp(i, 20 + i));
}

TEST_F(TcpTest, MovesFromUdpToTcpAndBack) {
    Client udp(address), tcp(address, kTcp);
    ASSERT_TRUE(connect(udp));
    EXPECT_TRUE(tcp.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(udp));
    EXPECT_TRUE(tcp.answers_a_check(peer.local()) && tcp.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(tcp));
    EXPECT_TRUE(udp.check_succeeds(peer.local()) && udp.answers_a_check(peer.local()) &&
                udp.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(udp));
}

/// A browser that nominates all its pairs begins with UDP, and TCP's check is on its way before that is
/// answered.
TEST_F(TcpTest, OfAllNominatedPathsTheBestIsTaken) {
    Client udp(address), tcp(address, kTcp);
    ASSERT_TRUE(connect(udp));
    tcp.send(IceClient::whole_check(peer.local(), test::random_transaction(), true, kWorse));
    const auto answer = tcp.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(stun::parse(*answer)->type, stun::Type::Success) << "and not a check of the server's";
    EXPECT_TRUE(subject->reaches(udp));
}

TEST_F(TcpTest, TheBestOfAllNominatedPathsMayComeLast) {
    Client udp(address), tcp(address, kTcp);
    tcp.send(IceClient::whole_check(peer.local(), test::random_transaction(), true, kWorse));
    ASSERT_TRUE(tcp.receive());
    EXPECT_TRUE(udp.check_succeeds(peer.local()) && udp.answers_a_check(peer.local()) &&
                udp.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(udp));
}

TEST_F(TcpTest, ANominationThatIsTakenBackMovesNothing) {
    Client udp(address), tcp(address, kTcp);
    ASSERT_TRUE(connect(udp));
    EXPECT_TRUE(tcp.check_succeeds(peer.local()));
    EXPECT_TRUE(udp.check_succeeds(peer.local()));
    EXPECT_TRUE(tcp.answers_a_check(peer.local()) && tcp.check_succeeds(peer.local(), false));
    EXPECT_TRUE(subject->reaches(udp));
}

TEST_F(TcpTest, ALostConnectionIsReplacedByOneThatProvesItself) {
    auto client = std::make_unique<Client>(address, kTcp);
    ASSERT_TRUE(connect(*client));
    client.reset();
    Client again(address, kTcp);
    EXPECT_TRUE(again.check_succeeds(peer.local()) && again.answers_a_check(peer.local()) &&
                again.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(again) && subject->hears(again));
    EXPECT_TRUE(subject->states.empty());
}

TEST_F(TcpTest, ClosesWithItsPeer) {
    Client client(address, kTcp);
    ASSERT_TRUE(connect(client));
    peer.close();
    EXPECT_TRUE(client.is_closed_by_server());
}

TEST_F(TcpTest, ClosesWhatDoesNotBeginWithACheck) {
    Client media(address, kTcp), long_frame(address, kTcp), http(address, kTcp);
    media.send(Subject::rtp(1));
    long_frame.send_raw(test::from_hex("ffff00010000"));
    const std::string request = "GET / HTTP/1.1\r\n\r\n";
    http.send_raw({reinterpret_cast<const uint8_t*>(request.data()), request.size()});
    EXPECT_TRUE(media.is_closed_by_server());
    EXPECT_TRUE(long_frame.is_closed_by_server());
    EXPECT_TRUE(http.is_closed_by_server());
    Client guessing(address, kTcp);
    for (unsigned i = 0; i < TcpServer::kStrangeFrames; i++)
        guessing.send(IceClient::whole_check({peer.local().ufrag, "guess"}, test::random_transaction()));
    EXPECT_TRUE(guessing.is_closed_by_server());
    EXPECT_EQ(network->stats().tcp_connections, 0U);
}

TEST_F(TcpTest, ClosesWhoIsSilentAndKeepsWhoHasAuthenticated) {
    Client client(address, kTcp), silent(address, kTcp), half(address, kTcp);
    ASSERT_TRUE(connect(client));
    half.send_raw(test::from_hex("0064"));
    EXPECT_TRUE(silent.is_closed_by_server());
    EXPECT_TRUE(half.is_closed_by_server());
    EXPECT_TRUE(subject->hears(client));
}

TEST_F(TcpTest, TakesOnlySoManyStrangersFromOneSource) {
    std::vector<std::unique_ptr<Client>> strangers;
    for (size_t i = 0; i < TcpServer::kStrangersPerSource; i++)
        strangers.push_back(std::make_unique<Client>(address, kTcp));
    EXPECT_TRUE(Client(address, kTcp).is_closed_by_server());
    Client from_elsewhere(address, kTcp, "127.0.0.2");
    EXPECT_TRUE(from_elsewhere.check_succeeds(peer.local()));
    // Whoever has authenticated makes room.
    EXPECT_TRUE(strangers.front()->check_succeeds(peer.local()));
    Client next(address, kTcp);
    EXPECT_TRUE(next.check_succeeds(peer.local()));
    EXPECT_EQ(network->stats().tcp_refused, 1U);
}

TEST_F(TcpTest, TakesOnlySoManyInAll) {
    auto options = on({"127.0.0.1"});
    options.tcp_connections = 4;
    const auto small = open(options);
    const auto one = Subject::make(*small);
    const auto local = one->peer->local();
    Client oldest(server(*small), kTcp), first(server(*small), kTcp, "127.0.0.2");
    Client second(server(*small), kTcp, "127.0.0.3");
    EXPECT_TRUE(oldest.is_closed_by_server()) << "half of them are strangers";
    ASSERT_TRUE(first.check_succeeds(local) && second.check_succeeds(local));
    Client third(server(*small), kTcp), fourth(server(*small), kTcp);
    ASSERT_TRUE(third.check_succeeds(local) && fourth.check_succeeds(local));
    EXPECT_TRUE(Client(server(*small), kTcp).is_closed_by_server());
    EXPECT_TRUE(one->hears(first));
    EXPECT_EQ(small->stats().tcp_refused, 2U);
}

TEST_F(TcpTest, WhoHasNotAuthenticatedMakesRoomWhereThereIsNone) {
    auto options = on({"127.0.0.1"});
    options.tcp_connections = 4;
    const auto small = open(options);
    const auto one = Subject::make(*small);
    const auto local = one->peer->local();
    std::vector<std::unique_ptr<Client>> users;
    for (int i = 0; i < 3; i++) {
        users.push_back(std::make_unique<Client>(server(*small), kTcp));
        ASSERT_TRUE(users.back()->check_succeeds(local));
    }
    Client stranger(server(*small), kTcp), user(server(*small), kTcp);
    EXPECT_TRUE(stranger.is_closed_by_server());
    EXPECT_TRUE(user.check_succeeds(local));
    EXPECT_EQ(small->stats().tcp_refused, 1U);
}

/// Or a browser would give up a connection that is merely slow: it gets no other answer.
TEST_F(TcpTest, AnswersToChecksWaitWhereMediaIsDropped) {
    Client slow(address, kTcp);
    ASSERT_TRUE(connect(slow));
    const auto other = Subject::make(*network);
    Client udp(address);
    // Until nothing fits anywhere any more.
    while (network->stats().datagrams_not_sent < 20'000) peer.send(Subject::rtp(1, 1200));
    const auto dropped = network->stats().datagrams_not_sent;
    const auto id = test::random_transaction();
    slow.send(IceClient::whole_check(peer.local(), id));
    ASSERT_TRUE(udp.check_succeeds(other->peer->local()) && udp.check_succeeds(other->peer->local()));
    peer.send(Subject::rtp(2, 1200));
    EXPECT_EQ(network->stats().datagrams_not_sent, dropped + 1) << "media, and nothing but media";
    std::optional<stun::Message> answer;
    while (!answer) {
        const auto frame = slow.receive();
        ASSERT_TRUE(frame) << "no answer";
        answer = stun::parse(*frame);
    }
    EXPECT_EQ(answer->transaction, id);
}

/// One that does not read loses packets, whole ones, and nobody else does.
TEST_F(TcpTest, BackPressureDropsForThatPeerAlone) {
    Client slow(address, kTcp);
    ASSERT_TRUE(connect(slow));
    const auto other = Subject::make(*network);
    Client udp(address);
    ASSERT_TRUE(udp.check_succeeds(other->peer->local()));
    constexpr uint16_t kPackets = 20000;
    for (uint16_t i = 1; i <= kPackets; i++) peer.send(Subject::rtp(i, 1200));
    EXPECT_TRUE(other->reaches(udp) && other->hears(udp));
    EXPECT_LT(peer.sent().packets, kPackets);
    EXPECT_EQ(network->stats().datagrams_not_sent, kPackets - peer.sent().packets);
    for (uint64_t i = 0; i < peer.sent().packets; i++) {
        const auto packet = slow.receive();
        ASSERT_TRUE(packet) << i;
        ASSERT_EQ(*packet, Subject::rtp(static_cast<uint16_t>(peer::get16(&(*packet)[2])), 1200)) << i;
    }
    EXPECT_TRUE(subject->reaches(slow));
}

/// Out of descriptors, connections are refused instead of left to spin on.
TEST_F(TcpTest, RefusesWhenThereAreNoMoreDescriptors) {
    Client client(address, kTcp), udp(address);
    ASSERT_TRUE(connect(client));
    const int next = dup(0);
    close(next);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{static_cast<rlim_t>(next) + 1, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    ASSERT_EQ(::connect(fd, address.get(), address.size()), 0);
    char byte = 0;
    EXPECT_LE(recv(fd, &byte, 1, 0), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    close(fd);
    EXPECT_TRUE(subject->hears(client));
    EXPECT_EQ(network->stats().tcp_refused, 1U);
}

}  // namespace
}  // namespace sluice::ice
