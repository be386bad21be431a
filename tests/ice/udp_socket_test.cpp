#include "ice/udp_socket.h"

#include <gtest/gtest.h>
#include <memory>

namespace sluice::ice {
namespace {

TEST(UdpSocket, CountsWhatTheKernelDropped) {
    const auto local = *Endpoint::from("127.0.0.1", 0);
    const auto sender = UdpSocket::bind(local);
    const auto receiver = UdpSocket::bind(local);
    ASSERT_TRUE(sender && receiver);
    const int least = 1;
    setsockopt(receiver->fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    const std::array<uint8_t, 1000> datagram{};
    constexpr size_t kSent = DatagramBatch::kDatagrams;
    for (size_t i = 0; i < kSent; i++) ASSERT_TRUE(sender->send(receiver->local(), datagram));
    const auto batch = std::make_unique<DatagramBatch>();
    const auto received = batch->receive(*receiver);
    EXPECT_LT(received, kSent);
    EXPECT_EQ(receiver->dropped(), kSent - received);
    EXPECT_EQ(sender->dropped(), 0U);
}

}  // namespace
}  // namespace sluice::ice
