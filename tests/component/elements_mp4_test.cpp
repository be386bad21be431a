#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include <gst/check/gstharness.h>

#include "elements/mp4_boxes.h"

namespace sluice::elements::mp4 {
namespace {

using namespace std::string_literals;

std::string text_of(const Bytes& bytes) {
    return {bytes.begin(), bytes.end()};
}
Bytes bytes_of(const std::string& text) {
    return {text.begin(), text.end()};
}

// AV1 specification, sections 5.3 and 5.5: profile 0, level 4.0 (8), tier 0.
const std::string kSequenceHeader = "\x0a\x04\x00\x00\x00\x40"s;

TEST(Mp4Boxes, Av1IsDescribedByItsSequenceHeader) {
    const auto unit = bytes_of("\x12\x00"s + kSequenceHeader + "\x32\x01\x10"s);
    const auto entry = text_of(av1_entry(640, 360, unit.data(), unit.size()));
    const auto at = entry.find("av1C\x81\x08\x0c\x00"s + kSequenceHeader);
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(at + 8 + kSequenceHeader.size(), entry.size());
    EXPECT_EQ(entry.substr(4, 4), "av01");
}

TEST(Mp4Boxes, Av1WithoutOneIsNotDescribed) {
    for (const auto& text :
         {""s, "\x12"s, "\x12\x00"s, "\x12\x00\x32\x01\x10"s, "\x0a\x7f\x00"s, "\x0a\xff\xff\xff"s}) {
        const auto unit = bytes_of(text);
        EXPECT_TRUE(av1_entry(640, 360, unit.data(), unit.size()).empty());
    }
}

TEST(Mp4Boxes, AnyBytesAsAv1AreSafe) {
    std::mt19937 random(1);
    for (int i = 0; i < 20'000; i++) {
        Bytes unit = bytes_of("\x12\x00"s + kSequenceHeader);
        unit.resize(random() % (unit.size() + 4));
        for (unsigned changes = random() % 4; !unit.empty() && changes > 0; changes--)
            unit[random() % unit.size()] = static_cast<uint8_t>(random());
        (void)av1_entry(640, 360, unit.data(), unit.size());
    }
}

TEST(Mp4Boxes, AFragmentSaysWhereItsSamplesAre) {
    const std::vector<mp4::Run> runs{{1, 48'000, {{10, 960, true}, {20, 960, true}}},
                                     {2, 90'000, {{300, 3000, false}}}};
    const auto bytes = fragment(7, runs);
    const auto number = [&](size_t at) {
        return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 |
               bytes[at + 3];
    };
    const auto text = text_of(bytes);
    EXPECT_EQ(number(bytes.size() - 8), 8U + 330);
    EXPECT_TRUE(text.ends_with("mdat"));
    const auto first = text.find("trun"), second = text.find("trun", first + 1);
    EXPECT_EQ(number(first + 8), 2U);
    EXPECT_EQ(number(first + 12), bytes.size()) << "from the start of moof";
    EXPECT_EQ(number(second + 12), bytes.size() + 30);
}

TEST(Mp4Boxes, EqualDurationsAreCountedAndALateTrackIsPutOff) {
    Track track;
    track.timescale = 48'000;
    track.entry = opus_entry(2);
    track.start = 24'000;
    track.samples = {{1, 960, true}, {1, 960, true}, {1, 1920, true}, {1, 960, true}};
    track.duration = 4800;
    track.chunks = {{100, 2}, {200, 2}};
    const auto text = text_of(whole_movie({&track}));
    EXPECT_NE(text.find("stts\0\0\0\0\0\0\0\3\0\0\0\2\0\0\3\xc0\0\0\0\1\0\0\7\x80\0\0\0\1\0\0\3\xc0"s),
              std::string::npos);
    EXPECT_NE(text.find("stsc\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1"s), std::string::npos);
    const auto half_a_second = "\0\0\0\0\0\0\xaf\xc8\xff\xff\xff\xff\xff\xff\xff\xff"s;
    EXPECT_NE(text.find("elst\1\0\0\0\0\0\0\2"s + half_a_second), std::string::npos);
    EXPECT_EQ(text.find("mvex"), std::string::npos);
    EXPECT_NE(text_of(movie_to_come({&track})).find("mvex"), std::string::npos);
}

TEST(Mp4Mux, ASilenceThatHasNoPlaceInAFileIsAnError) {
    GstHarness* harness = gst_harness_new_with_padnames("sluicemp4mux", "audio_%u", "src");
    gst_harness_set_src_caps_str(harness, "audio/x-opus, channel-mapping-family=0, channels=2, rate=48000");
    const auto push = [&](GstClockTime time) {
        GstBuffer* frame = gst_buffer_new_allocate(nullptr, 1, nullptr);
        GST_BUFFER_PTS(frame) = time;
        return gst_harness_push(harness, frame);
    };
    const GstClockTime longest = gst_util_uint64_scale(UINT32_MAX, GST_SECOND, 48'000);
    EXPECT_EQ(push(0), GST_FLOW_OK);
    EXPECT_EQ(push(longest), GST_FLOW_OK);
    EXPECT_EQ(push(2 * longest + GST_SECOND), GST_FLOW_ERROR);
    gst_harness_teardown(harness);
}

}  // namespace
}  // namespace sluice::elements::mp4
