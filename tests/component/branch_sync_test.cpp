#include <algorithm>
#include <cmath>

#include "component/branch_fixture.h"

namespace sluice::test {
namespace {

/// A container and a codec.
using Kind = std::pair<const char*, const char*>;

/// A tick is heard and the picture flashes at each full second. Sound comes 300 ms late, and only the
/// sender's reports say so.
struct BranchSync : BranchFixture, testing::WithParamInterface<Kind> {
    static constexpr GstClockTime kLate = 300 * GST_MSECOND;

    void add_both() {
        // The ticks of audiotestsrc's own are 22 ms early.
        add_sound("name=microphone wave=silence ! audio/x-raw,format=S16LE,rate=48000,channels=1");
        tell_clock(kLate);
        const auto microphone =
            gst::Ref<GstPad>::adopt(gst_element_get_static_pad(source("microphone").get(), "src"));
        gst_pad_add_probe(
            microphone.get(), GST_PAD_PROBE_TYPE_BUFFER,
            [](GstPad*, GstPadProbeInfo* info, gpointer) noexcept {
                GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
                info->data = buffer;
                GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_GAP);
                if (GST_BUFFER_PTS(buffer) % GST_SECOND < 20 * GST_MSECOND)
                    sound_a_tick(buffer);
                return GST_PAD_PROBE_OK;
            },
            nullptr, nullptr);
        sound = sources.back();
        add_picture(GetParam().second);
        tell_clock();
        picture = sources.back();
        const auto camera =
            gst::Ref<GstPad>::adopt(gst_element_get_static_pad(source("camera").get(), "src"));
        gst_pad_add_probe(
            camera.get(), GST_PAD_PROBE_TYPE_BUFFER,
            [](GstPad*, GstPadProbeInfo* info, gpointer) noexcept {
                GstBuffer* frame = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
                info->data = frame;
                if (GST_BUFFER_PTS(frame) % GST_SECOND < GST_SECOND / 30)
                    gst_buffer_memset(frame, 0, 0xeb, gst_buffer_get_size(frame) / 3 * 2);
                return GST_PAD_PROBE_OK;
            },
            nullptr, nullptr);
    }

    static void sound_a_tick(GstBuffer* buffer) {
        GstMapInfo map;
        ASSERT_TRUE(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
        auto* samples = reinterpret_cast<int16_t*>(map.data);
        for (size_t i = 0; i < map.size / sizeof *samples; i++) samples[i] = i / 24 % 2 ? 12000 : -12000;
        gst_buffer_unmap(buffer, &map);
    }

    /// Loses one packet in three of a source for a while, as a bad network does, but no tick: it has only
    /// one.
    static gulong lose(GstElement* source) {
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(source, "src"));
        return gst_pad_add_probe(
            pad.get(),
            static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
            [](GstPad*, GstPadProbeInfo* info, gpointer) noexcept {
                static std::atomic<unsigned> count{0};
                const bool list = GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST;
                const auto* first = list ? gst_buffer_list_get(GST_PAD_PROBE_INFO_BUFFER_LIST(info), 0)
                                         : GST_PAD_PROBE_INFO_BUFFER(info);
                const bool tick = GST_BUFFER_PTS(first) % GST_SECOND < kLate + 100 * GST_MSECOND;
                return !tick && count++ % 3 == 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
            },
            nullptr, nullptr);
    }
    static void lose_no_more(GstElement* source, gulong probe) {
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(source, "src"));
        gst_pad_remove_probe(pad.get(), probe);
    }

    /// When the picture turns bright, in seconds.
    std::vector<double> flashes(const std::string& file) const {
        std::stringstream frames(
            said("ffprobe -v error -f lavfi -i movie=" + file +
                 ",signalstats -show_entries "
                 "frame=pts_time:frame_tags=lavfi.signalstats.YAVG -of default=nw=1:nk=1"));
        std::vector<double> found;
        bool bright = true;  // One that the file begins with may have begun before.
        for (double time = 0, luma = 0; frames >> time >> luma;) {
            const bool was = std::exchange(bright, luma > 128);
            if (bright && !was)
                found.push_back(time);
        }
        return found;
    }
    /// When sound begins after silence, in seconds.
    std::vector<double> ticks(const std::string& file) const {
        said("ffmpeg -v error -y -i " + file +
             " -vn -af aresample=async=1:min_hard_comp=0.002:first_pts=0 -ac 1 -ar 48000 -f s16le " + file +
             ".pcm");
        const auto bytes = read(file + ".pcm");
        std::vector<double> found;
        size_t loud = 0;
        for (size_t i = 0; 2 * i + 1 < bytes.size(); i++) {
            const auto sample = static_cast<int16_t>(static_cast<unsigned char>(bytes[2 * i]) |
                                                     static_cast<unsigned char>(bytes[2 * i + 1]) << 8);
            if (std::abs(sample) < 4000)
                continue;
            if (found.empty() || i - loud > 24000)
                found.push_back(static_cast<double>(i) / 48000);
            loud = i;
        }
        return found;
    }

    gst::Ref<GstElement> sound, picture;
};

TEST_P(BranchSync, FlashAndTickStayTogether) {
    const std::string container = GetParam().first;
    add_both();
    media::BranchOptions options;
    options.pipeline = "record-" + container + ".launch";
    begin(options, "a." + container);
    ASSERT_TRUE(wait_for_ms(2300));
    tracks[1]->set_muted(true);
    const auto muted = state().duration_ms;
    ASSERT_TRUE(wait_for_ms(muted + 1700));
    tracks[1]->set_muted(false);
    ASSERT_TRUE(wait_for_ms(muted + 4000));
    const auto first = lose(sound.get()), second = lose(picture.get());
    ASSERT_TRUE(wait_for_ms(muted + 5000));
    lose_no_more(sound.get(), first);
    lose_no_more(picture.get(), second);
    ASSERT_TRUE(wait_for_ms(muted + 7000));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_EQ(ended->files.size(), 1u);
    const auto file = ended->files.front();

    const auto seen = flashes(file), heard = ticks(file);
    SCOPED_TRACE("flashes at " + testing::PrintToString(seen) + ", ticks at " +
                 testing::PrintToString(heard));
    ASSERT_GE(seen.size(), 5u);
    ASSERT_GE(heard.size(), 7u);
    for (const double flash : seen) {
        const double nearest =
            *std::ranges::min_element(heard, {}, [&](double tick) { return std::abs(tick - flash); });
        EXPECT_NEAR(nearest, flash, 0.04);
    }
    EXPECT_LT(seen.front(), 1.01) << "at the start";
    EXPECT_GT(seen.back(), 7) << "after the mute and the losses";
    for (size_t i = 1; i < seen.size(); i++)
        EXPECT_NEAR(std::remainder(seen[i] - seen[0], 1), 0, 0.04) << "the gap is as long as the mute";
    EXPECT_NE(read(file + ".json").find(R"("gaps":[{"track":"video","atMs":)"), std::string::npos)
        << read(file + ".json");
}
INSTANTIATE_TEST_SUITE_P(Files, BranchSync, testing::Values(Kind("webm", "VP8"), Kind("mp4", "H264")),
                         [](const auto& kind) { return std::string(kind.param.first); });

}  // namespace
}  // namespace sluice::test
