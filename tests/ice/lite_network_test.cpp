#include <algorithm>
#include <linux/capability.h>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "ice/network_fixture.h"

namespace sluice::ice {
namespace {

using test::IceClient;
using test::NetworkFixture;
using test::Packet;
using test::Subject;

using LiteNetworkTest = NetworkFixture;

TEST_F(LiteNetworkTest, OffersEveryAddressOnOnePort) {
    const auto network = open(on({"127.0.0.1", "::1"}));
    const auto& candidates = network->candidates();
    ASSERT_EQ(candidates.size(), 4U);
    const auto port = std::to_string(server(*network).port());
    for (const auto& [candidate, text] :
         {std::pair(candidates[0], " udp 2130706431 127.0.0.1 " + port + " typ host"),
          std::pair(candidates[1], " udp 2130640895 ::1 " + port + " typ host"),
          std::pair(candidates[2], " 127.0.0.1 " + port + " typ host tcptype passive"),
          std::pair(candidates[3], " ::1 " + port + " typ host tcptype passive")})
        EXPECT_TRUE(candidate.ends_with(text)) << candidate;
}

TEST_F(LiteNetworkTest, WithoutTcpOffersNone) {
    auto options = on({"127.0.0.1"});
    options.tcp_connections = 0;
    EXPECT_EQ(open(options)->candidates().size(), 1U);
}

TEST_F(LiteNetworkTest, ServesIpv6) {
    const auto network = open(on({"::1"}));
    const auto subject = Subject::make(*network);
    for (const auto transport : {IceClient::Transport::Udp, IceClient::Transport::Tcp}) {
        IceClient client(server(*network), transport, "::1");
        const auto id = test::random_transaction();
        client.send(IceClient::whole_check(subject->peer->local(), id));
        const auto answer = client.receive_but_checks();
        ASSERT_TRUE(answer);
        EXPECT_EQ(test::value_of(*answer, test::XorMappedAddress).size(), 20U);
        EXPECT_TRUE(subject->hears(client));
    }
}

TEST_F(LiteNetworkTest, TakesTheNextPortOfTheRangeThatIsFree) {
    const auto first = open(on({"127.0.0.1"}));
    auto options = on({"127.0.0.1"});
    options.port_min = server(*first).port();
    options.port_max = static_cast<uint16_t>(std::min(options.port_min + 50, 65535));
    const auto second = open(options);
    EXPECT_GT(server(*second).port(), options.port_min);
    options.port_max = options.port_min;
    const auto third = LiteNetwork::bind(options);
    ASSERT_FALSE(third);
    EXPECT_NE(third.error().message.find(std::to_string(options.port_min)), std::string::npos)
        << third.error().message;
    options.port_min++;
    EXPECT_FALSE(LiteNetwork::bind(options));
}

/// Of the thread alone: Linux keeps capabilities for each.
bool give_up_network_rights() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {};
    if (syscall(SYS_capget, &header, rights) != 0)
        return false;
    rights[CAP_TO_INDEX(CAP_NET_ADMIN)].effective &= ~CAP_TO_MASK(CAP_NET_ADMIN);
    return syscall(SYS_capset, &header, rights) == 0;
}

/// Bytes that a socket of somebody without rights has of those that ours ask for.
size_t common_buffer(int direction) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bytes = UdpSocket::kBuffer;
    socklen_t size = sizeof bytes;
    setsockopt(fd, SOL_SOCKET, direction, &bytes, size);
    getsockopt(fd, SOL_SOCKET, direction, &bytes, &size);
    close(fd);
    return static_cast<size_t>(bytes) / 2;
}

TEST_F(LiteNetworkTest, TellsWhatItsBuffersAreShortOf) {
    std::string log;
    std::thread([&] {
        ASSERT_TRUE(give_up_network_rights());
        testing::internal::CaptureStderr();
        open(on({"127.0.0.1"}));
        log = testing::internal::GetCapturedStderr();
    }).join();
    const auto received = common_buffer(SO_RCVBUF), sent = common_buffer(SO_SNDBUF);
    const auto told = log.find("receive_bytes=" + std::to_string(received) +
                               " send_bytes=" + std::to_string(sent) + " wanted_bytes=8388608");
    EXPECT_EQ(told != std::string::npos, std::min(received, sent) < UdpSocket::kBuffer) << log;
}

TEST_F(LiteNetworkTest, NamesAnAddressThatIsNotItsOwn) {
    const auto network = LiteNetwork::bind(on({"192.0.2.1"}));
    ASSERT_FALSE(network);
    EXPECT_NE(network.error().message.find("192.0.2.1"), std::string::npos) << network.error().message;
}

TEST_F(LiteNetworkTest, TellsPeersApart) {
    const auto network = open(on({"127.0.0.1"}));
    std::vector<std::shared_ptr<Subject>> subjects;
    std::vector<std::unique_ptr<IceClient>> clients;
    for (int i = 0; i < 20; i++) {
        subjects.push_back(Subject::make(*network));
        clients.push_back(std::make_unique<IceClient>(server(*network)));
        ASSERT_TRUE(clients.back()->check_succeeds(subjects.back()->peer->local()));
    }
    for (size_t i = 0; i < subjects.size(); i++)
        EXPECT_TRUE(subjects[i]->hears(*clients[i]) && subjects[i]->reaches(*clients[i])) << i;
    EXPECT_EQ(network->stats().peers, 20U);
    for (const auto& subject : subjects) subject->peer->close();
    EXPECT_EQ(network->stats().peers, 0U);
}

TEST_F(LiteNetworkTest, IgnoresJunk) {
    const auto network = open(on({"127.0.0.1"}));
    const auto subject = Subject::make(*network);
    IceClient client(server(*network));
    ASSERT_TRUE(client.check_succeeds(subject->peer->local()));
    const auto before = network->stats().datagrams_received;
    uint64_t sent = 0;
    for (int first = 0; first < 256; first++) {
        for (const size_t size : {0U, 1U, 11U, 1500U, 2049U, 9000U}) {
            Packet junk(size, 0x55);
            if (size > 0)
                junk[0] = static_cast<uint8_t>(first);
            IceClient(server(*network)).send(junk);
            sent++;
        }
        // Of what a small socket's buffer drops the last may be the one that is waited for below.
        constexpr uint64_t kUnderWay = 50;
        while (network->stats().datagrams_received - before + kUnderWay < sent) std::this_thread::yield();
    }
    EXPECT_TRUE(subject->hears(client));
}

}  // namespace
}  // namespace sluice::ice
