#include "ice/addresses.h"

#include <gtest/gtest.h>

namespace sluice::ice {
namespace {

TEST(Endpoint, IsReadAndWritten) {
    const auto v4 = Endpoint::from("192.0.2.7", 50123);
    ASSERT_TRUE(v4);
    EXPECT_FALSE(v4->is_v6());
    EXPECT_EQ(v4->text(), "192.0.2.7:50123");
    EXPECT_EQ(v4->address_bytes().size(), 4U);
    EXPECT_EQ(v4->size(), sizeof(sockaddr_in));
    const auto v6 = Endpoint::from("2001:db8::1", 443);
    ASSERT_TRUE(v6);
    EXPECT_TRUE(v6->is_v6());
    EXPECT_EQ(v6->text(), "[2001:db8::1]:443");
    EXPECT_EQ(v6->address_bytes().size(), 16U);
    for (const char* none : {"", "localhost", "192.0.2", "192.0.2.1:80", "2001:db8::1%eth0", "[::1]"})
        EXPECT_FALSE(Endpoint::from(none, 1)) << none;
}

TEST(Endpoint, EqualMeansAddressAndPort) {
    EXPECT_EQ(*Endpoint::from("192.0.2.7", 1), *Endpoint::from("192.0.2.7", 1));
    EXPECT_FALSE(*Endpoint::from("192.0.2.7", 1) == *Endpoint::from("192.0.2.7", 2));
    EXPECT_FALSE(*Endpoint::from("192.0.2.7", 1) == *Endpoint::from("192.0.2.8", 1));
    EXPECT_FALSE(*Endpoint::from("::1", 1) == *Endpoint::from("127.0.0.1", 1));
}

TEST(LocalAddresses, AreThoseOfTheOptions) {
    Options options;
    options.addresses = {"192.0.2.1", "2001:db8::1"};
    const auto some = local_addresses(options);
    ASSERT_TRUE(some);
    ASSERT_EQ(some->size(), 2U);
    EXPECT_EQ((*some)[1].ip(), "2001:db8::1");
    options.addresses[1] = "example.org";
    const auto wrong = local_addresses(options);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().field, "ice.addresses");
    EXPECT_NE(wrong.error().message.find("example.org"), std::string::npos);
}

TEST(LocalAddresses, AreNeverNone) {
    const auto all = local_addresses({});
    ASSERT_TRUE(all);
    ASSERT_FALSE(all->empty());
    for (const auto& address : *all) EXPECT_TRUE(all->size() == 1 || address.ip() != "127.0.0.1");
}

/// RFC 8445 section 5.1.2: 126 for a host, the first socket preferred.
TEST(Candidate, IsAHostWithItsPriority) {
    EXPECT_EQ(candidate(Transport::Udp, *Endpoint::from("192.0.2.1", 50000), 0, ""),
              "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host");
    EXPECT_EQ(candidate(Transport::Udp, *Endpoint::from("2001:db8::1", 50000), 1, ""),
              "candidate:2 1 udp 2130640895 2001:db8::1 50000 typ host");
}

TEST(Candidate, IsAnnouncedUnderAnAddressOfItsFamily) {
    EXPECT_EQ(candidate(Transport::Udp, *Endpoint::from("10.0.0.1", 50000), 0, "203.0.113.9"),
              "candidate:1 1 udp 2130706431 203.0.113.9 50000 typ host");
    EXPECT_EQ(candidate(Transport::Udp, *Endpoint::from("fd00::1", 50000), 0, "203.0.113.9"),
              "candidate:1 1 udp 2130706431 fd00::1 50000 typ host");
}

}  // namespace
}  // namespace sluice::ice
