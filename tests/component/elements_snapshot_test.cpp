#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/owned.h"
#include "component/element_fixture.h"

namespace sluice::test {
namespace {

using Names = std::vector<std::string>;

struct KeyFrameFilterElement : ElementFixture {
    void SetUp() override {
        make("sluicekeyframes");
        g_object_set(element_.get(), "interval", 2U, nullptr);
        upstream_events();
    }
    /// Whether a frame of that time comes through.
    bool passes(double seconds, bool key_frame) {
        GstBuffer* frame = gst_buffer_new_allocate(nullptr, 1, nullptr);
        GST_BUFFER_PTS(frame) = static_cast<GstClockTime>(seconds * GST_SECOND);
        if (!key_frame)
            GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
        EXPECT_EQ(gst_harness_push(harness_, frame), GST_FLOW_OK);
        return pull_bytes().has_value();
    }
};

TEST_F(KeyFrameFilterElement, PassesOneKeyFrameInAnInterval) {
    EXPECT_TRUE(passes(5, true));
    EXPECT_FALSE(passes(5.1, false));
    EXPECT_FALSE(passes(6, true)) << "too early";
    EXPECT_TRUE(passes(7, true));
    EXPECT_FALSE(passes(8.9, true));
    EXPECT_TRUE(passes(12, true));
}

TEST_F(KeyFrameFilterElement, AsksOnceASecondForOneThatIsDue) {
    EXPECT_FALSE(passes(0.1, false)) << "nothing can begin there";
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"});
    EXPECT_TRUE(passes(0.2, true));
    EXPECT_FALSE(passes(2.1, false));
    EXPECT_EQ(upstream_events(), Names{});
    EXPECT_FALSE(passes(2.2, false));
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"});
    EXPECT_FALSE(passes(3.1, false));
    EXPECT_EQ(upstream_events(), Names{});
    EXPECT_FALSE(passes(3.2, false));
    EXPECT_EQ(upstream_events(), Names{"GstForceKeyUnit"});
    EXPECT_TRUE(passes(3.3, true));
}

struct ImageSinkElement : testing::Test {
    void SetUp() override {
        const glib::OwnedString made(g_dir_make_tmp("images-XXXXXX", nullptr));
        folder = made.get();
        sink = gst::Ref<GstElement>::sink(gst_element_factory_make("sluiceimages", nullptr));
        g_object_set(sink.get(), "sync", FALSE, "async", FALSE, nullptr);
    }
    void TearDown() override {
        gst_harness_teardown(harness);
        std::filesystem::remove_all(folder);
    }
    void play(const std::string& location) {
        g_object_set(sink.get(), "location", location.c_str(), nullptr);
        harness = gst_harness_new_with_element(sink.get(), "sink", nullptr);
        gst_harness_set_src_caps_str(harness, "image/jpeg");
    }
    GstFlowReturn push(const std::string& bytes) {
        return gst_harness_push(harness, gst_buffer_new_memdup(bytes.data(), bytes.size()));
    }
    static std::string read(const std::string& path) {
        std::stringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
    Names names() const {
        Names all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
            if (entry.is_regular_file())
                all.push_back(entry.path().filename().string());
        std::ranges::sort(all);
        return all;
    }

    std::string folder;
    gst::Ref<GstElement> sink;
    GstHarness* harness = nullptr;
};

TEST_F(ImageSinkElement, MakesFoldersAndAFileForEach) {
    play(folder + "/100%d of room/a.b.jpg");
    EXPECT_EQ(push("one"), GST_FLOW_OK);
    EXPECT_EQ(push("two"), GST_FLOW_OK);
    EXPECT_EQ(names(), (Names{"a.b-00001.jpg", "a.b-00002.jpg"}));
    EXPECT_EQ(read(folder + "/100%d of room/a.b-00002.jpg"), "two");
}

TEST_F(ImageSinkElement, LeavesAloneWhatIsThere) {
    std::ofstream(folder + "/a-00002.jpg") << "mine";
    play(folder + "/a.jpg");
    EXPECT_EQ(push("one"), GST_FLOW_OK);
    EXPECT_EQ(push("two"), GST_FLOW_OK);
    EXPECT_EQ(names(), (Names{"a-00001.jpg", "a-00002.jpg", "a-00003.jpg"}));
    EXPECT_EQ(read(folder + "/a-00002.jpg"), "mine");
    EXPECT_EQ(read(folder + "/a-00003.jpg"), "two");
}

TEST_F(ImageSinkElement, WhatCannotBeWrittenIsAnErrorThatNamesIt) {
    play(folder + "/sub/a.jpg");
    std::filesystem::remove(folder + "/sub");
    const auto bus = gst::Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(sink.get(), bus.get());
    EXPECT_EQ(push("one"), GST_FLOW_ERROR);
    const auto message = gst::Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
    ASSERT_TRUE(message);
    GError* error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    const glib::OwnedError owned(error);
    EXPECT_NE(std::string(error->message).find(folder + "/sub/a.jpg cannot be written: No such file"),
              std::string::npos)
        << error->message;
    gst_element_set_bus(sink.get(), nullptr);
}

}  // namespace
}  // namespace sluice::test
