#pragma once

#include <chrono>
#include <gtest/gtest.h>
#include <memory>

#include "base/glib_scheduler.h"
#include "base/owned.h"

namespace sluice::test {

/// Gives each test its own main context, and a wait that ends on an event, not on a clock.
struct LoopFixture : testing::Test {
    GMainContext* context = g_main_context_new();
    GlibScheduler scheduler{context};

    void SetUp() override { g_main_context_push_thread_default(context); }

    /// Nothing a test posted may outlive it.
    void TearDown() override {
        while (g_main_context_iteration(context, FALSE)) {
        }
        g_main_context_pop_thread_default(context);
        g_main_context_unref(context);
    }

    /// Turns the loop until `done` holds. The limit is a watchdog: it fails, naming what never came.
    template <typename Predicate>
    testing::AssertionResult wait_for(const char* what, Predicate done,
                                      std::chrono::seconds limit = std::chrono::seconds(10)) {
        const auto expired = std::make_shared<bool>(false);
        scheduler.after(limit, [expired] { *expired = true; });
        // What other threads count wakes no loop.
        const glib::Owned<GSource, g_source_unref> tick(g_timeout_source_new(10));
        g_source_set_callback(
            tick.get(), +[](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
        g_source_attach(tick.get(), context);
        while (!done() && !*expired) g_main_context_iteration(context, TRUE);
        g_source_destroy(tick.get());
        if (done())
            return testing::AssertionSuccess();
        return testing::AssertionFailure()
               << "timed out after " << limit.count() << " s waiting for " << what;
    }
};

}  // namespace sluice::test
