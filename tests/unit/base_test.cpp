#include <chrono>
#include <gtest/gtest.h>

#include "base/glib_scheduler.h"
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

TEST(GlibScheduler, DropsWhatIsPostedByWhatItDrops) {
    GMainContext* context = g_main_context_new();
    auto held = std::make_shared<int>();
    const std::weak_ptr<int> gone = held;
    {
        GlibScheduler scheduler(context);
        const auto post_it = [&](void*) { scheduler.post([held = std::move(held)] {}); };
        scheduler.post([last = std::shared_ptr<void>(nullptr, post_it)] {});
    }
    EXPECT_TRUE(gone.expired());
    g_main_context_unref(context);
}
