#include "component/branch_fixture.h"

namespace sluice::test {
namespace {

struct BranchSnapshot : BranchFixture, testing::WithParamInterface<const char*> {};

TEST_P(BranchSnapshot, MakesAJpegOfAKeyFrameEverySecond) {
    add_picture(GetParam());
    tell_clock();
    const auto image = [&](const char* number) { return folder + "/a room/a-0000" + number + ".jpg"; };
    media::BranchOptions options;
    options.pipeline = "snapshot.launch";
    options.values["images"] = {folder + "/a room/a.jpg", ""};
    options.values["every-s"] = {"1", ""};
    begin(options, "");
    ASSERT_TRUE(wait_for("the third image", [&] { return std::filesystem::exists(image("3")); }));
    EXPECT_GE(state().duration_ms, 2000u);
    EXPECT_LT(state().duration_ms, 4500u);
    ASSERT_TRUE(end());
    for (const char* number : {"1", "2", "3"}) {
        EXPECT_EQ(probe("\"" + image(number) + "\"", "stream=codec_name,width,height"), "mjpeg\n320\n240");
        EXPECT_EQ(said("ffmpeg -v error -i \"" + image(number) + "\" -f null -"), "");
    }
}
INSTANTIATE_TEST_SUITE_P(Codecs, BranchSnapshot, testing::Values("VP8", "VP9", "H264"),
                         [](const auto& codec) { return std::string(codec.param); });

}  // namespace
}  // namespace sluice::test
