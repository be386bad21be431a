#include <chrono>
#include <gtest/gtest.h>

#include "fake_scheduler.h"
using namespace sluice;
using namespace std::chrono_literals;

TEST(FakeScheduler, RunsTimersInOrderWithoutWaiting) {
    test::FakeScheduler s;
    std::string log;
    s.after(30s, [&] { log += "b"; });
    s.after(10s, [&] {
        log += "a";
        s.post([&] { log += "!"; });
    });
    s.advance(20s);
    EXPECT_EQ(log, "a!");
    s.advance(10s);
    EXPECT_EQ(log, "a!b");
    EXPECT_EQ(s.pending(), 0u);
}
