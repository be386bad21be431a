#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <regex>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "component/branch_fixture.h"
#include "elements/feed.h"
#include "gst/graph.h"
#include "gst/signal.h"
#include "media/leftovers.h"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

struct BranchRecording : BranchFixture {
    /// Sound and picture whose sender reports have come.
    void add_both(const std::string& codec = "VP8") {
        add_sound();
        tell_clock();
        add_picture(codec);
        tell_clock();
    }
    /// What a server that is killed now leaves of a file, in the folder "torn".
    void copy_torn(const std::string& name) const {
        std::filesystem::create_directory(path("torn"));
        for (const char* end : {".part", ".part.json"})
            std::filesystem::copy_file(path(name) + end, path("torn/") + name + end);
    }
    /// So many packets of sound more have gone to a file.
    testing::AssertionResult records_sound(uint64_t more) {
        if (auto begins =
                wait_for("a recording", [&] { return state().phase == media::BranchPhase::Running; });
            !begins)
            return begins;
        const auto wanted = tracks.front()->counter("packets") + more;
        return wait_for("sound", [&] { return tracks.front()->counter("packets") >= wanted; });
    }
    std::string path(const std::string& name) const { return folder + "/" + name; }
    static double seconds(const std::string& file) { return std::stod(probe(file, "format=duration")); }
    static long packets(const std::string& file, const std::string& stream) {
        return std::stol(probe(file, "stream=nb_read_packets", stream));
    }
};

TEST_F(BranchRecording, IsAWholeFileWithBothTracks) {
    add_both();
    // Of the time of an older picture the sound would have gone past before there was a recording.
    ASSERT_TRUE(between_frames([&] { begin({}); }));
    ASSERT_TRUE(wait_for_ms(1500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_EQ(ended->files, (std::vector<std::string>{path("a.webm")}));
    EXPECT_EQ(ended->dropped, 0u);
    const auto file = ended->files.front();
    EXPECT_EQ(probe(file, "stream=codec_name"), "opus\nvp8");
    EXPECT_NEAR(seconds(file), static_cast<double>(ended->duration_ms) / 1000, 0.1);
    // It begins at once, with the picture.
    EXPECT_LT(std::stod(probe(file, "stream=start_time", "v:0")), 0.001);
    EXPECT_LT(std::stod(probe(file, "stream=start_time", "a:0")), 0.03);
    EXPECT_FALSE(std::filesystem::exists(file + ".part"));
    EXPECT_FALSE(std::filesystem::exists(file + ".part.json"));
    const auto sidecar = read(file + ".json");
    for (const char* member :
         {R"("room":"lobby")", R"("user":"ada")", R"("userInfo":{"name": "Ada"})", R"("audioCodec":"opus")",
          R"("videoCodec":"VP8")", R"("ended":"stopped")", R"("gaps":[])", R"("segments":["a.webm"])"})
        EXPECT_NE(sidecar.find(member), std::string::npos) << member << " in " << sidecar;
    EXPECT_EQ(sidecar.find("finisher"), std::string::npos);
}

TEST_F(BranchRecording, BeginsWithoutSenderReportsInFourSeconds) {
    add_sound();
    begin({});
    ASSERT_TRUE(wait_for_ms(100));
    EXPECT_GE(state().duration_ms, 3500u) << "what came while it waited is in the file";
    ASSERT_TRUE(end());
}

TEST_F(BranchRecording, StoppedBeforeItBeganIsWhole) {
    add_sound();
    begin({});
    const auto before = tracks[0]->counter("packets");
    ASSERT_TRUE(wait_for("half a second", [&] { return tracks[0]->counter("packets") >= before + 25; }));
    EXPECT_EQ(state().phase, media::BranchPhase::Waiting);
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_EQ(ended->files.size(), 1u);
    EXPECT_GE(packets(ended->files.front(), "a:0"), 20);
}

TEST_F(BranchRecording, EndsWithTheProducer) {
    add_both();
    begin({});
    ASSERT_TRUE(records_sound(25));
    branches.reset();
    ASSERT_TRUE(wait_for("the end", [&] { return around->open_branches == 0; }));
    EXPECT_GE(seconds(path("a.webm")), 0.4);
    EXPECT_NE(read(path("a.webm.json")).find("the producer stopped"), std::string::npos);
}

TEST_F(BranchRecording, OverwritesNothing) {
    std::ofstream(path("a.webm")) << "mine";
    std::ofstream(path("a-2.webm.part")) << "mine too";
    add_both();
    begin({});
    ASSERT_TRUE(wait_for_ms(300));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->files, (std::vector<std::string>{path("a-3.webm")}));
    EXPECT_EQ(read(path("a.webm")), "mine");
    EXPECT_EQ(read(path("a-2.webm.part")), "mine too");
}

TEST_F(BranchRecording, SplitsAtKeyFramesAndLosesNothing) {
    add_both();
    media::BranchOptions options;
    options.split_after = 1s;
    ASSERT_TRUE(between_frames([&] { begin(options, "a-${segment}.webm"); }));
    ASSERT_TRUE(wait_for_ms(3500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_GE(ended->files.size(), 3u);
    double whole = 0;
    long sound = 0;
    for (const auto& file : ended->files) {
        whole += seconds(file);
        sound += packets(file, "a:0");
        EXPECT_EQ(probe(file, "packet=flags -read_intervals %+#1", "v:0").front(), 'K');
    }
    EXPECT_NEAR(whole, static_cast<double>(ended->duration_ms) / 1000,
                0.05 * static_cast<double>(ended->files.size()));
    EXPECT_NEAR(static_cast<double>(sound) * 0.02, static_cast<double>(ended->duration_ms) / 1000, 0.1);
    EXPECT_NE(read(path("a-1.webm.json")).find(R"("ended":"split")"), std::string::npos);
    EXPECT_NE(read(path("a-3.webm.json")).find(R"("segments":["a-1.webm","a-2.webm","a-3.webm"])"),
              std::string::npos);
}

TEST_F(BranchRecording, SplitsBySize) {
    add_both();
    media::BranchOptions options;
    options.split_after_bytes = 20'000;
    begin(options, "a-${segment}.webm");
    ASSERT_TRUE(wait_for("the third file", [&] { return state().files.size() == 3; }));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_GE(std::filesystem::file_size(path("a-1.webm")), 20'000u);
    EXPECT_NE(read(path("a-2.webm.json")).find(R"("ended":"split")"), std::string::npos);
}

TEST_F(BranchRecording, ATrackThatIsAddedBeginsANewSegment) {
    add_sound();
    tell_clock();
    begin({});
    ASSERT_TRUE(wait_for_ms(700));
    add_picture();
    tell_clock();
    branches->update(tracks);
    ASSERT_TRUE(wait_for("the second segment", [&] { return state().files.size() == 2; }));
    const auto then = state().duration_ms;
    ASSERT_TRUE(wait_for_ms(then + 500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(probe(path("a.webm"), "stream=codec_name"), "opus");
    EXPECT_EQ(probe(path("a-2.webm"), "stream=codec_name"), "opus\nvp8");
    const auto sound = packets(path("a.webm"), "a:0") + packets(path("a-2.webm"), "a:0");
    EXPECT_NEAR(static_cast<double>(sound) * 0.02, static_cast<double>(ended->duration_ms) / 1000, 0.1);
    EXPECT_NE(read(path("a.webm.json")).find(R"("ended":"the tracks changed")"), std::string::npos);
}

TEST_F(BranchRecording, AnotherCodecBeginsANewSegment) {
    add_both();
    ASSERT_TRUE(between_frames([&] { begin({}); }));
    ASSERT_TRUE(wait_for_ms(700));
    tracks.back()->set_muted(true);
    tracks.back()->set_active(false);
    add_picture("VP9");
    tell_clock();
    branches->update(tracks);
    ASSERT_TRUE(wait_for("the second segment", [&] { return state().files.size() == 2; }));
    ASSERT_TRUE(wait_for_ms(state().duration_ms + 500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_EQ(ended->files.size(), 2u);
    EXPECT_EQ(probe(path("a.webm"), "stream=codec_name"), "opus\nvp8");
    EXPECT_EQ(probe(path("a-2.webm"), "stream=codec_name"), "opus\nvp9");
    const auto sound = packets(path("a.webm"), "a:0") + packets(path("a-2.webm"), "a:0");
    EXPECT_NEAR(static_cast<double>(sound) * 0.02, static_cast<double>(ended->duration_ms) / 1000, 0.1);
}

TEST_F(BranchRecording, OfTwoActiveTracksOfAKindOneIsTakenAndTheOtherIsNoNews) {
    add_both();
    begin({});
    ASSERT_TRUE(wait_for_ms(300));
    tracks[1]->set_muted(true);
    tracks[1]->set_active(false);
    add_picture("VP9");
    tell_clock();
    branches->update(tracks);
    ASSERT_TRUE(wait_for("the second segment", [&] { return state().files.size() == 2; }));
    tracks[1]->set_active(true);
    tracks[1]->set_muted(false);
    branches->update(tracks);
    const auto before = tracks[1]->counter("packets");
    ASSERT_TRUE(wait_for("the first picture", [&] { return tracks[1]->counter("packets") > before + 10; }));
    ASSERT_TRUE(wait_for_ms(state().duration_ms + 1500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->files.size(), 2u);
    EXPECT_EQ(probe(path("a-2.webm"), "stream=codec_name"), "opus\nvp9");
}

/// A container and a codec.
using Kind = std::pair<const char*, const char*>;
struct EveryKind : BranchRecording, testing::WithParamInterface<Kind> {};

TEST_P(EveryKind, GoesOnOverAChangeOfSizeAndAMute) {
    const std::string container = GetParam().first, codec = GetParam().second;
    add_both(codec);
    media::BranchOptions options;
    options.pipeline = "record-" + container + ".launch";
    begin(options, "a." + container);
    ASSERT_TRUE(wait_for_ms(500));
    ASSERT_TRUE(change_size());
    tracks[1]->set_muted(true);
    ASSERT_TRUE(wait_for_ms(state().duration_ms + 2500));
    const auto then = static_cast<double>(state().duration_ms) / 1000;
    copy_torn("a." + container);
    tracks[1]->set_muted(false);
    const auto before = tracks[1]->counter("packets");
    ASSERT_TRUE(wait_for("the picture", [&] { return tracks[1]->counter("packets") > before + 10; }));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_EQ(ended->files.size(), 1u);
    const auto file = ended->files.front();
    const glib::OwnedString name(g_ascii_strdown(codec.c_str(), -1));
    EXPECT_EQ(probe(file, "stream=codec_name"), "opus\n" + std::string(name.get()));
    EXPECT_NEAR(seconds(file), static_cast<double>(ended->duration_ms) / 1000, 0.1);
    const auto widths = probe(file, "frame=width", "v:0");
    EXPECT_NE(widths.find("320"), std::string::npos);
    EXPECT_NE(widths.find("480"), std::string::npos);
    EXPECT_EQ(said("ffmpeg -v error -i " + file + " -f null -"), "");

    const auto torn = path("torn/a." + container);
    const auto completed = media::finish_leftover(torn, *templates, "the server ended");
    ASSERT_TRUE(completed) << completed.error().message;
    EXPECT_GT(packets(torn, "v:0"), 10);
    EXPECT_GE(static_cast<double>(packets(torn, "a:0")) * 0.02, then - 2)
        << "a silent track holds nothing up";
    EXPECT_EQ(said("ffmpeg -v error -i " + torn + " -f null -"), "");
}
INSTANTIATE_TEST_SUITE_P(Branches, EveryKind,
                         testing::Values(Kind("webm", "VP8"), Kind("webm", "VP9"), Kind("mkv", "H264"),
                                         Kind("mp4", "H264"), Kind("mp4", "VP9")),
                         [](const auto& kind) { return std::string(kind.param.first) + kind.param.second; });

/// A packet of a picture is lost for good, and for two seconds nobody is heard who asks for a key frame.
struct LostPicture {
    std::atomic<GstClockTime> deaf_until = 0;
    std::atomic<bool> key_frame = false;  ///< After those.

    static GstPadProbeReturn on_any(GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
        auto& self = **static_cast<std::shared_ptr<LostPicture>*>(data);
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_UPSTREAM)
            return self.deaf_until != GST_CLOCK_TIME_NONE ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
        const auto* first = GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST
                                ? gst_buffer_list_get(gst_pad_probe_info_get_buffer_list(info), 0)
                                : gst_pad_probe_info_get_buffer(info);
        if (self.deaf_until == 0) {
            self.deaf_until = GST_BUFFER_PTS(first) + 2 * GST_SECOND;
            return GST_PAD_PROBE_DROP;
        }
        if (GST_BUFFER_PTS(first) >= self.deaf_until)
            self.deaf_until = GST_CLOCK_TIME_NONE;
        return GST_PAD_PROBE_OK;
    }
    /// Of the encoder: rtpvp8pay 1.22 does not pass the flag on.
    static GstPadProbeReturn on_frame(GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
        auto& self = **static_cast<std::shared_ptr<LostPicture>*>(data);
        if (self.deaf_until == GST_CLOCK_TIME_NONE &&
            !GST_BUFFER_FLAG_IS_SET(gst_pad_probe_info_get_buffer(info), GST_BUFFER_FLAG_DELTA_UNIT))
            self.key_frame = true;
        return GST_PAD_PROBE_OK;
    }
};

struct ALostPicture : BranchRecording, testing::WithParamInterface<Kind> {};

TEST_P(ALostPicture, MayBeLongInComingBack) {
    const std::string container = GetParam().first;
    add_both(GetParam().second);
    media::BranchOptions options;
    options.pipeline = "record-" + container + ".launch";
    ASSERT_TRUE(between_frames([&] { begin(options, "a." + container); }));
    ASSERT_TRUE(wait_for_ms(500));
    const auto lost = std::make_shared<LostPicture>();
    const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(sources.back().get(), "src"));
    gst::add_probe_shared(
        pad.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                                     GST_PAD_PROBE_TYPE_EVENT_UPSTREAM),
        LostPicture::on_any, lost);
    const auto encoder = source("encoder");
    const auto frames = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(encoder.get(), "src"));
    gst::add_probe_shared(frames.get(), GST_PAD_PROBE_TYPE_BUFFER, LostPicture::on_frame, lost);
    ASSERT_TRUE(wait_for("a key frame", [&] { return lost->key_frame.load(); }));
    ASSERT_TRUE(wait_for_ms(state().duration_ms + 500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    ASSERT_EQ(ended->files.size(), 1u);
    const auto file = ended->files.front();
    EXPECT_NEAR(static_cast<double>(packets(file, "a:0")) * 0.02,
                static_cast<double>(ended->duration_ms) / 1000, 0.1);
    EXPECT_NEAR(seconds(file), static_cast<double>(ended->duration_ms) / 1000, 0.1);
    EXPECT_GE(std::ranges::count(probe(file, "packet=flags", "v:0"), 'K'), 2);
    EXPECT_EQ(said("ffmpeg -v error -i " + file + " -f null -"), "");
}
INSTANTIATE_TEST_SUITE_P(Branches, ALostPicture, testing::Values(Kind("webm", "VP8"), Kind("mkv", "H264")),
                         [](const auto& kind) { return std::string(kind.param.first); });

TEST_F(BranchRecording, SoundAloneInOggKeepsItsGaps) {
    add_sound();
    tell_clock();
    media::BranchOptions options;
    options.pipeline = "record-audio.launch";
    begin(options, "a.ogg");
    ASSERT_TRUE(wait_for_ms(700));
    const auto muted = static_cast<double>(state().duration_ms);
    tracks[0]->set_muted(true);
    ASSERT_TRUE(wait_for_ms(2200));
    const auto unmuted = static_cast<double>(state().duration_ms);
    tracks[0]->set_muted(false);
    ASSERT_TRUE(wait_for_ms(3000));
    copy_torn("a.ogg");
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    const auto file = ended->files.front();
    EXPECT_EQ(probe(file, "stream=codec_name"), "opus");
    EXPECT_NEAR(seconds(file), static_cast<double>(ended->duration_ms) / 1000, 0.1);
    const auto sidecar = read(file + ".json");
    std::smatch gap;
    ASSERT_TRUE(std::regex_search(
        sidecar, gap, std::regex(R"("gaps":\[\{"track":"audio","atMs":\d+,"durationMs":(\d+)\}\])")))
        << sidecar;
    EXPECT_NEAR(std::stod(gap[1]), unmuted - muted, 200);
    EXPECT_NEAR(static_cast<double>(packets(file, "a:0")) * 0.02,
                (static_cast<double>(ended->duration_ms) - std::stod(gap[1])) / 1000, 0.2);
    EXPECT_EQ(said("ffmpeg -v error -i " + file + " -f null -"), "");
    const auto completed = media::finish_leftover(path("torn/a.ogg"), *templates, "the server ended");
    ASSERT_TRUE(completed) << completed.error().message;
    EXPECT_GT(packets(path("torn/a.ogg"), "a:0"), 30);
}

TEST_F(BranchRecording, ADumpIsReplayedByGstLaunch) {
    add_both();
    media::BranchOptions options;
    options.pipeline = "dump.launch";
    begin(options, "a.gdp");
    ASSERT_TRUE(wait_for("a second of both", [&] { return state().packets >= 50 + 30; }));
    copy_torn("a.gdp");
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    const auto completed = media::finish_leftover(path("torn/a.gdp"), *templates, "the server ended");
    ASSERT_TRUE(completed) << completed.error().message;
    for (const auto& file : {path("a.gdp"), path("torn/a.gdp")}) {
        said("gst-launch-1.0 filesrc location=" + file + " ! gdpdepay ! rtpptdemux name=tracks" +
             " tracks. ! application/x-rtp,media=video ! queue ! rtpvp8depay ! mux." +
             " tracks. ! application/x-rtp,media=audio ! queue ! rtpopusdepay ! opusparse ! mux." +
             " webmmux name=mux ! filesink location=" + file + ".webm");
        EXPECT_GE(packets(file + ".webm", "v:0"), 20);
        EXPECT_GE(packets(file + ".webm", "a:0"), 40);
    }
    EXPECT_NEAR(seconds(path("a.gdp.webm")), static_cast<double>(ended->duration_ms) / 1000, 0.1);
}

/// What gets another name in a folder while this lives.
struct Moves {
    explicit Moves(const std::string& folder) { inotify_add_watch(fd, folder.c_str(), IN_MOVED_TO); }
    ~Moves() { close(fd); }
    Moves(const Moves&) = delete;
    Moves& operator=(const Moves&) = delete;
    /// The names, in their order.
    std::vector<std::string> seen() const {
        alignas(inotify_event) char bytes[4096];
        const auto size = ::read(fd, bytes, sizeof bytes);
        std::vector<std::string> names;
        for (ssize_t at = 0; at < size;) {
            const auto* event = reinterpret_cast<const inotify_event*>(bytes + at);
            names.emplace_back(event->name);
            at += static_cast<ssize_t>(sizeof *event + event->len);
        }
        return names;
    }
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
};

TEST_F(BranchRecording, WhatIsOnTheDiskPlaysAndCanBeCompleted) {
    add_both();
    begin({});
    ASSERT_TRUE(wait_for_ms(3000));
    copy_torn("a.webm");
    const auto torn = path("torn");
    const auto then = static_cast<double>(state().duration_ms) / 1000;
    EXPECT_GE(static_cast<double>(packets(torn + "/a.webm.part", "a:0")) * 0.02, then - 2);
    EXPECT_GE(packets(torn + "/a.webm.part", "v:0"), (then - 2) * 25);

    ASSERT_EQ(media::leftovers(torn), (std::vector<std::string>{torn + "/a.webm"}));
    const auto described = read(torn + "/a.webm.part.json");
    std::filesystem::create_directory(torn + "/a.webm.json");
    EXPECT_FALSE(media::finish_leftover(torn + "/a.webm", *templates, "the server ended"));
    EXPECT_EQ(media::leftovers(torn).size(), 1u) << "what could not be told is kept";
    std::filesystem::remove(torn + "/a.webm.json");
    const Moves moves(torn);
    const auto done = media::finish_leftover(torn + "/a.webm", *templates, "the server ended");
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_TRUE(*done);
    EXPECT_GE(seconds(torn + "/a.webm"), then - 2);
    EXPECT_EQ(media::leftovers(torn), std::vector<std::string>());
    const auto sidecar = read(torn + "/a.webm.json");
    EXPECT_NE(sidecar.find(R"("ended": "the server ended")"), std::string::npos) << sidecar;
    EXPECT_NE(sidecar.find(R"("userInfo": {"name": "Ada"})"), std::string::npos) << sidecar;
    EXPECT_FALSE(std::filesystem::exists(torn + "/a.webm.part"));

    EXPECT_EQ(moves.seen(), (std::vector<std::string>{"a.webm.part", "a.webm.json", "a.webm"}))
        << "a server that is killed leaves what its next start can complete";

    std::ofstream(torn + "/a.webm.part.json") << described;
    const int writer = open((torn + "/a.webm").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(flock(writer, LOCK_EX | LOCK_NB), 0);
    const auto finished = media::finish_leftover(torn + "/a.webm", *templates, "the server ended");
    ASSERT_TRUE(finished);
    EXPECT_FALSE(*finished) << "its writer is about to say that it is whole";
    EXPECT_EQ(media::leftovers(torn).size(), 1u);
    close(writer);  // As if it had been killed right before its end.
    EXPECT_TRUE(media::finish_leftover(torn + "/a.webm", *templates, "the server ended"));
    EXPECT_EQ(read(torn + "/a.webm.json"), sidecar);
    EXPECT_EQ(media::leftovers(torn), std::vector<std::string>());

    const auto gone = media::finish_leftover(torn + "/a.webm", *templates, "the server ended");
    ASSERT_TRUE(gone);
    EXPECT_FALSE(*gone) << "its writer has said so meanwhile";

    std::ofstream(torn + "/b.webm.part.json") << described;  // As if it had been killed while it gave it up.
    EXPECT_TRUE(media::finish_leftover(torn + "/b.webm", *templates, "the server ended"));
    EXPECT_EQ(media::leftovers(torn), std::vector<std::string>());
    EXPECT_FALSE(std::filesystem::exists(torn + "/b.webm.json"));

    const auto own = media::finish_leftover(path("a.webm"), *templates, "the server ended");
    ASSERT_TRUE(own);
    EXPECT_FALSE(*own) << "it is being written";
    ASSERT_TRUE(end());
}

TEST_F(BranchRecording, ALeftOverThatCannotBeReachedIsAnError) {
    std::filesystem::create_symlink("loop", path("loop"));
    const auto done = media::finish_leftover(path("loop/a.webm"), *templates, "the server ended");
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message.find("loop/a.webm.part"), std::string::npos) << done.error().message;
}

TEST_F(BranchRecording, AFailureIsToldTriedAgainAndTouchesNobody) {
    add_both();
    std::ofstream(path("taken")) << "a file where a folder should be";
    media::BranchOptions options;
    options.retry = 1s;
    begin(options, "taken/a.webm");
    ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
    EXPECT_NE(state().error.find("taken"), std::string::npos) << state().error;
    const auto before = tracks.front()->counter("packets");
    ASSERT_TRUE(wait_for("packets", [&] { return tracks.front()->counter("packets") > before + 10; }));
    std::filesystem::remove(path("taken"));
    ASSERT_TRUE(records_sound(15)) << "of another try";
    branches.reset();
    ASSERT_TRUE(wait_for("the end", [&] { return around->open_branches == 0; }));
    EXPECT_GE(seconds(path("taken/a.webm")), 0.2);
}

TEST_F(BranchRecording, ATrackThatComesWhileItHasFailedIsInTheNextTry) {
    add_sound();
    tell_clock();
    std::ofstream(path("taken")) << "a file where a folder should be";
    media::BranchOptions options;
    options.retry = 1s;
    begin(options, "taken/a.webm");
    ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
    add_picture();
    tell_clock();
    branches->update(tracks);
    std::filesystem::remove(path("taken"));
    ASSERT_TRUE(wait_for_ms(500));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(probe(path("taken/a.webm"), "stream=codec_name"), "opus\nvp8");
}

TEST_F(BranchRecording, EndsWithItsSoundWhenItsPictureHasGone) {
    add_both();
    std::promise<void> free;
    const auto freed = free.get_future().share();
    for (int i = 0; i < 2; i++) files->run("something else", [freed] { freed.wait(); });
    // It waits for its first segment, and keeps the picture from a key frame on. No other comes.
    ASSERT_TRUE(with_one_key_frame([&] { begin({}); }));
    const auto before = tracks[1]->counter("packets");
    ASSERT_TRUE(wait_for("packets", [&] { return tracks[1]->counter("packets") > before + 10; }));
    tell_clock(7 * GST_SECOND);
    ASSERT_TRUE(wait_for("what is too old to be dropped", [&] { return state().dropped > 0; }));
    std::optional<Result<media::BranchState>> ended;
    branches->end("recording", Done<media::BranchState>(
                                   [&](Result<media::BranchState> result) { ended = std::move(result); }));
    free.set_value();
    ASSERT_TRUE(wait_for("the branch's end", [&] { return ended.has_value(); }));
    ASSERT_TRUE(*ended) << ended->error().message;
    ASSERT_EQ((*ended)->files.size(), 1u);
    EXPECT_EQ(probe((*ended)->files.front(), "stream=codec_name"), "opus");
}

TEST_F(BranchRecording, SoundThatPausesWhileASegmentWaitsForThePictureIsNotForgotten) {
    add_picture();
    tell_clock();
    begin({});
    ASSERT_TRUE(wait_for_ms(300));
    tracks[0]->set_muted(true);  // For the branch it flows yet: the next segment is to begin with it.
    add_sound();
    tell_clock();
    branches->update(tracks);
    const auto before = tracks[1]->counter("packets");
    ASSERT_TRUE(wait_for("sound", [&] { return tracks[1]->counter("packets") >= before + 20; }));
    tracks[1]->set_muted(true);
    ASSERT_TRUE(wait_for("the second segment", [&] { return state().files.size() == 2; }));
    const auto ended = end();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_GE(packets(ended->files.back(), "a:0"), 20);
}

TEST_F(BranchRecording, EndsAfterAFailureThatASegmentOfBeforeOutlives) {
    add_sound();
    tell_clock();
    media::BranchOptions options;
    options.retry = 1s;
    const Moves moves(folder);
    begin(options);
    size_t described = 0;  // As it is opened, and as it begins.
    ASSERT_TRUE(wait_for("both descriptions", [&] { return (described += moves.seen().size()) == 2; }));
    // The end of the first segment waits for whoever reads this.
    ASSERT_EQ(mkfifo(path("a.webm.part.json.new").c_str(), 0600), 0);
    add_picture();
    tell_clock();
    branches->update(tracks);
    EXPECT_TRUE(wait_for("the second segment", [&] { return state().files.size() == 2; }));
    const auto segment = [&](const char* name) {
        return gst::Ref<GstElement>::adopt(gst_bin_get_by_name(pipeline->bin(), name));
    };
    EXPECT_TRUE(wait_for("the end of the first", [&] { return !segment("segment-1"); }));
    const auto second = segment("segment-2");
    GST_ELEMENT_ERROR(second.get(), STREAM, FAILED, ("of the test"), (nullptr));
    EXPECT_TRUE(wait_for("another try", [&] { return state().files.size() == 3; }));
    std::optional<Result<media::BranchState>> ended;
    branches->end("recording", Done<media::BranchState>(
                                   [&](Result<media::BranchState> result) { ended = std::move(result); }));
    EXPECT_TRUE(
        wait_for("the third file", [&] { return std::filesystem::exists(state().files.back() + ".json"); }));
    const int reader = open(path("a.webm.part.json.new").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_TRUE(wait_for("the branch's end", [&] { return ended.has_value(); }));
    close(reader);
}

/// No file of this process gets longer than so much: what a full disk is like.
struct FullDisk {
    explicit FullDisk(rlim_t bytes) {
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before);
        const rlimit now{bytes, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before); }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    rlimit before{};
};

struct AFullDisk : BranchRecording, testing::WithParamInterface<Kind> {};

TEST_P(AFullDisk, CostsWhatCannotBeWrittenAndNoMore) {
    const std::string container = GetParam().first;
    add_both(GetParam().second);
    media::BranchOptions options;
    options.pipeline = "record-" + container + ".launch";
    uint64_t then = 0;
    {
        const FullDisk full(100'000);
        begin(options, "a." + container);
        ASSERT_TRUE(wait_for(
            "the failure",
            [&] {
                then = std::max(then, state().duration_ms);
                return state().phase == media::BranchPhase::Failed;
            },
            30s));
        EXPECT_GT(then, 3000u) << "or what is asked for below would be nothing";
        EXPECT_NE(state().error.find("rite"), std::string::npos) << state().error;
        ASSERT_TRUE(wait_for("the end", [&] { return around->open_branches == 0; }));
    }
    // There may have been room for the whole file, or not.
    const auto file = path("a." + container);
    if (std::filesystem::exists(file + ".part")) {
        const auto completed = media::finish_leftover(file, *templates, "the disk was full");
        ASSERT_TRUE(completed) << completed.error().message;
    }
    EXPECT_GE(static_cast<double>(packets(file, "a:0")) * 0.02, static_cast<double>(then) / 1000 - 2);
    EXPECT_EQ(said("ffmpeg -v error -i " + file + " -f null -"), "");
}
INSTANTIATE_TEST_SUITE_P(Branches, AFullDisk, testing::Values(Kind("webm", "VP8"), Kind("mp4", "H264")),
                         [](const auto& kind) { return std::string(kind.param.first); });

struct ATornFile : BranchRecording, testing::WithParamInterface<Kind> {};

TEST_P(ATornFile, OfWhichATrackIsSilentForLongCanBeCompleted) {
    const std::string container = GetParam().first, mux = GetParam().second;
    const auto file = path("a." + container);
    const auto description =
        "audiotestsrc num-buffers=2000 samplesperbuffer=960 ! opusenc ! mux. "
        "videotestsrc num-buffers=3 ! video/x-raw,width=160,height=120,framerate=1/15 ! vp8enc ! mux. " +
        mux + " name=mux ! filesink location=" + file + ".part";
    said("gst-launch-1.0 " + description);
    std::ofstream(file + ".part.json") << R"({"finisher": "finish-)" << container << R"(.launch"})";
    std::stop_source stop;
    auto finished = std::async(std::launch::async, [&] {
        return media::finish_leftover(file, *templates, "the server ended", stop.get_token());
    });
    if (finished.wait_for(20s) != std::future_status::ready)
        stop.request_stop();
    const auto completed = finished.get();
    ASSERT_TRUE(completed) << completed.error().message;
    ASSERT_TRUE(*completed) << "it is stuck";
    EXPECT_EQ(packets(file, "v:0"), 3);
    EXPECT_NEAR(static_cast<double>(packets(file, "a:0")), 2000, 1);
}
INSTANTIATE_TEST_SUITE_P(Branches, ATornFile,
                         testing::Values(Kind("webm", "webmmux"), Kind("mkv", "matroskamux")),
                         [](const auto& kind) { return std::string(kind.param.first); });

TEST_F(BranchRecording, OnAFullDiskLeavesNoEmptyFiles) {
    add_sound();
    tell_clock();
    {
        const FullDisk full(0);
        begin({});
        ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
        ASSERT_TRUE(wait_for("the end", [&] { return around->open_branches == 0; }));
    }
    EXPECT_NE(state().error.find("a.webm.part.json"), std::string::npos) << state().error;
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(BranchRecording, ADrawingOfThePipelineHasTheGatesAndTheFeedWithTheirCounters) {
    add_both();
    begin({});
    ASSERT_TRUE(wait_for_ms(300));
    const auto text = gst::to_text(gst::look_at(GST_ELEMENT(pipeline->bin()), false));
    for (const char* wanted :
         {"sluicegate name=\\S+ bytes=\\d+ .*packets=\\d+", "sluicefeed name=\\S+ bytes=\\d+ packets=\\d+",
          "filesink name=\\S+ .*location=\\S+a.webm.part", "webmmux name=mux "})
        EXPECT_TRUE(std::regex_search(text, std::regex(wanted))) << wanted << " is not in\n" << text;
}

TEST_F(BranchRecording, AStuckElementIsFound) {
    add_both();
    std::ofstream(path("stuck.launch"))
        << "# example: location=x\n[audio opus]\nidentity name=audio sleep-time=6000000 ! filesink "
           "location=${location} "
           "async=false\n[video VP8]\nfakesink name=video sync=false async=false\n";
    media::BranchOptions options;
    options.pipeline = "stuck.launch";
    begin(options);
    ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
    EXPECT_NE(state().error.find("stuck"), std::string::npos) << state().error;
    const auto before = tracks.front()->counter("packets");
    ASSERT_TRUE(wait_for("packets", [&] { return tracks.front()->counter("packets") > before + 10; }));
}

TEST_F(BranchRecording, FailsByAStuckElementWhileAnotherSegmentIsToBeOpened) {
    add_sound();
    tell_clock();
    begin({});
    ASSERT_TRUE(wait_for_ms(300));
    const auto child = [](GstElement* bin, const char* name) {
        return gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), name));
    };
    const auto feed = child(GST_ELEMENT(pipeline->bin()), "feed");
    const auto sound = child(child(GST_ELEMENT(pipeline->bin()), "segment-1").get(), "audio");
    std::promise<void> free;
    const auto freed = free.get_future().share();
    for (int i = 0; i < 2; i++) files->run("something else", [freed] { freed.wait(); });
    add_picture();
    tell_clock();
    branches->update(tracks);
    ASSERT_TRUE(wait_for("the picture", [&] {
        return elements::feed_counters(feed.get()).silent.at(1) != GST_CLOCK_TIME_NONE;
    }));
    const auto before = state().packets;
    ASSERT_TRUE(wait_for("what came after it", [&] { return state().packets > before + 10; }));
    const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(sound.get(), "sink"));
    gst_pad_add_probe(
        pad.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad*, GstPadProbeInfo*, gpointer) noexcept { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
    EXPECT_NE(state().error.find("stuck"), std::string::npos) << state().error;
    free.set_value();
}

}  // namespace
}  // namespace sluice::test
