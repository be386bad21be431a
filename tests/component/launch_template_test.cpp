#include "gst/launch_template.h"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

struct AnyText : testing::TestWithParam<const char*> {};

TEST_P(AnyText, IsTheValueOfItsPropertyAndNoMore) {
    const auto chain = gst::LaunchTemplate::parse(
        "test.launch", "filesink name=one location=${text}\nfilesink name=two location=${other}\n");
    ASSERT_TRUE(chain) << chain.error().message;
    const std::string other = " fakesink name=three ";
    const auto bin = chain->build({{"text", std::string(GetParam())}, {"other", other}});
    ASSERT_TRUE(bin) << bin.error().message;
    EXPECT_EQ(GST_BIN_NUMCHILDREN(bin->get()), 2);
    for (const auto& [name, wanted] : {std::pair("one", std::string(GetParam())), std::pair("two", other)}) {
        const auto element = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin->get()), name));
        char* location = nullptr;
        g_object_get(element.get(), "location", &location, nullptr);
        const gst::OwnedString owned(location);
        EXPECT_STREQ(location, wanted.c_str());
    }
}
INSTANTIATE_TEST_SUITE_P(LaunchTemplates, AnyText,
                         testing::Values("x", R"("x)", R"("x")", R"("a"b")", R"("")", R"(")", R"(x\)",
                                         R"(x y\)", R"("x\)", R"(\")", R"(a\"b)", R"(\)", "NULL", "${other}",
                                         "'x'", "x ! y"));

}  // namespace
}  // namespace sluice::test
