#include "media_fixture.h"

namespace sluice::test {
namespace {

/// Run with GST_TRACERS=leaks: main() ends with gst_deinit(), which warns of every object of GStreamer's that
/// is still there, and G_DEBUG makes that fatal.
struct Leaks : MediaFixture {};

TEST_F(Leaks, UsersComeAndGo) {
    ASSERT_TRUE(g_getenv("GST_TRACERS"));
    for (int round = 0; round < 3; round++) {
        Publisher ada(*this, "ada");
        ASSERT_TRUE(ada.with_both().negotiate());
        Viewer alan(*this, ada, "alan"), grace(*this, ada, "grace"), never_answers(*this, ada, "never");
        Viewer eve(*this, ada, "eve", {.wrong_fingerprint = true});
        ASSERT_TRUE(never_answers.offer());
        alan.browser->receiver().lose_every = 10;
        ASSERT_TRUE(alan.negotiate());
        ASSERT_TRUE(grace.negotiate());
        ASSERT_TRUE(eve.negotiate());
        ASSERT_TRUE(alan.receives("1", 40));
        ASSERT_TRUE(grace.receives("1"));
        ada.browser->add_track(Kind::Video);
        ASSERT_TRUE(ada.negotiate());
        ASSERT_TRUE(alan.negotiate(true));
        ASSERT_TRUE(alan.receives("2"));
        ada.reload();
        ASSERT_TRUE(ada.with_both().negotiate());
        ASSERT_TRUE(grace.negotiate());
        ASSERT_TRUE(grace.receives("1"));
        ASSERT_TRUE(wait_for("the failure", [&] { return eve.state() == ConnectionState::Failed; }));
    }
}

}  // namespace
}  // namespace sluice::test
