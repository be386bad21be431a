#include "gst/debug_threshold.h"

#include <gtest/gtest.h>

#include <gst/gst.h>

namespace sluice::test {
namespace {

struct DebugThreshold : testing::Test {
    void SetUp() override { before = gst::debug_threshold(); }
    void TearDown() override { EXPECT_TRUE(gst::set_debug_threshold(before)); }

    static GstDebugLevel of(const char* name) {
        return gst_debug_category_get_threshold(_gst_debug_category_new(name, 0, "of a test"));
    }

    std::string before;
};

TEST_F(DebugThreshold, TheLastThatFitsCountsAndOthersWarn) {
    ASSERT_TRUE(gst::set_debug_threshold("threshold*:5,thresholdb:LOG"));
    EXPECT_EQ(gst::debug_threshold(), "threshold*:5,thresholdb:LOG");
    EXPECT_EQ(of("thresholda"), GST_LEVEL_DEBUG);
    EXPECT_EQ(of("thresholdb"), GST_LEVEL_LOG);
    EXPECT_EQ(of("another"), GST_LEVEL_WARNING);
}

TEST_F(DebugThreshold, ItReplacesWhatWasThere) {
    ASSERT_TRUE(gst::set_debug_threshold("1,thresholda:5"));
    EXPECT_EQ(of("another"), GST_LEVEL_ERROR);
    ASSERT_TRUE(gst::set_debug_threshold("thresholdb:4"));
    EXPECT_EQ(of("thresholda"), GST_LEVEL_WARNING);
    EXPECT_EQ(of("thresholdb"), GST_LEVEL_INFO);
    ASSERT_TRUE(gst::set_debug_threshold(""));
    EXPECT_EQ(of("thresholdb"), GST_LEVEL_WARNING);
    EXPECT_EQ(gst::debug_threshold(), "");
}

TEST_F(DebugThreshold, WhatIsNoneChangesNothing) {
    ASSERT_TRUE(gst::set_debug_threshold("thresholda:5"));
    for (const std::string wrong : {"thresholda", "thresholda:", ":5", "thresholda:10", "thresholda:-1",
                                    "a:5,,b:5", "a:5,", ",", " ", "a b:5", "a:debug", "a:5:5", "é:5"}) {
        const auto set = gst::set_debug_threshold(wrong);
        ASSERT_FALSE(set) << wrong;
        EXPECT_EQ(set.error().code, ErrorCode::InvalidArgument);
        EXPECT_EQ(of("thresholda"), GST_LEVEL_DEBUG);
    }
    EXPECT_FALSE(gst::set_debug_threshold(std::string(5000, '1')));
    EXPECT_EQ(gst::debug_threshold(), "thresholda:5");
}

}  // namespace
}  // namespace sluice::test
