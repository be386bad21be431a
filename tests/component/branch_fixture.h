#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "base/owned.h"
#include "component/loop_fixture.h"
#include "gst/signal.h"
#include "ice/network.h"
#include "media/branch_recipe.h"
#include "media/branches.h"

namespace sluice::test {

/// A producer's pipeline whose tracks are fed by encoders instead of a browser, and branches of it.
struct BranchFixture : LoopFixture {
    void SetUp() override {
        LoopFixture::SetUp();
        const glib::OwnedString made(g_dir_make_tmp("branches-XXXXXX", nullptr));
        folder = made.get();
        network = std::move(ice::Network::open(local())).value();
        around.reset(new media::Surroundings{.scheduler = scheduler,
                                             .network = *network,
                                             .latency = std::chrono::milliseconds(200),
                                             .connect_timeout = std::chrono::seconds(30),
                                             .express = false,
                                             .capture_times = true,
                                             .files = *files,
                                             .drawings = *tear_down});
        pipeline = media::Pipeline::create(scheduler, *tear_down, "lobby", "ada");
        templates = std::make_shared<media::Templates>(std::vector<std::string>{folder, PIPELINES});
    }

    void TearDown() override {
        branches.reset();
        EXPECT_TRUE(wait_for("the end of every branch", [&] { return around->open_branches == 0; }));
        for (const auto& source : sources) gst_element_set_state(source.get(), GST_STATE_NULL);
        tracks.clear();
        pipeline.reset();
        files.reset();
        tear_down.reset();
        around.reset();
        network.reset();
        std::filesystem::remove_all(folder);
        LoopFixture::TearDown();
    }

    static ice::Options local() {
        ice::Options options;
        options.addresses = {"127.0.0.1"};
        return options;
    }

    /// A track fed by `launch`, whose last element gives RTP.
    std::shared_ptr<media::Track> add_track(const std::string& codec, const std::string& launch) {
        media::sdp::InTrack in;
        in.kind = codec == "opus" ? media::sdp::Kind::Audio : media::sdp::Kind::Video;
        in.codec.name = codec;
        in.codec.clock_rate = codec == "opus" ? 48000 : 90000;
        in.codec.channels = codec == "opus" ? 2 : 0;
        const auto chain = templates->load("track.launch");
        const auto index = static_cast<unsigned>(tracks.size());
        auto track = media::Track::create(*chain, pipeline, *network, "track" + std::to_string(index), index,
                                          in, "cname");
        tracks.push_back(std::move(track).value());
        GError* error = nullptr;
        auto source =
            gst::Ref<GstElement>::sink(gst_parse_bin_from_description(launch.c_str(), TRUE, &error));
        EXPECT_EQ(error, nullptr) << error->message;
        gst_bin_add(pipeline->bin(), source.get());
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(source.get(), "src"));
        tracks.back()->feed(pad.get());
        tracks.back()->set_open(true);
        gst_element_sync_state_with_parent(source.get());
        sources.push_back(source);
        return tracks.back();
    }
    /// From now on the last track's packets say when they were captured, as after a sender report, and come
    /// `late` by so much.
    void tell_clock(GstClockTime late = 0) {
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(sources.back().get(), "src"));
        gst_pad_add_probe(
            pad.get(),
            static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
            [](GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
                if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
                    auto* list = gst_pad_probe_info_get_buffer_list(info);
                    list = gst_buffer_list_make_writable(list);
                    for (guint i = 0; i < gst_buffer_list_length(list); i++)
                        tell(gst_buffer_list_get_writable(list, i), GPOINTER_TO_SIZE(data));
                    info->data = list;
                } else {
                    auto* buffer = gst_buffer_make_writable(gst_pad_probe_info_get_buffer(info));
                    tell(buffer, GPOINTER_TO_SIZE(data));
                    info->data = buffer;
                }
                return GST_PAD_PROBE_OK;
            },
            GSIZE_TO_POINTER(late), nullptr);
    }
    static void tell(GstBuffer* buffer, GstClockTime late) {
        constexpr GstClockTime kSenderClock = 3'900'000'000 * GST_SECOND;
        const auto caps = gst::Ref<GstCaps>::adopt(gst_caps_new_empty_simple("timestamp/x-ntp"));
        gst_buffer_add_reference_timestamp_meta(buffer, caps.get(), kSenderClock + GST_BUFFER_PTS(buffer),
                                                GST_CLOCK_TIME_NONE);
        GST_BUFFER_PTS(buffer) += late;
    }

    /// Its first packet has come: what is begun now has sound from the beginning.
    std::shared_ptr<media::Track> add_sound(const std::string& more = "") {
        auto track = add_track(
            "opus", "audiotestsrc is-live=true samplesperbuffer=960 " + more + " ! opusenc ! rtpopuspay");
        EXPECT_TRUE(wait_for("sound", [&] { return track->counter("packets") > 0; }));
        return track;
    }
    std::shared_ptr<media::Track> add_picture(const std::string& codec = "VP8") {
        const auto* encoder =
            codec == "VP8" ? "vp8enc name=encoder deadline=1 cpu-used=16 keyframe-max-dist=3000 ! rtpvp8pay"
            : codec == "VP9"
                ? "vp9enc name=encoder deadline=1 cpu-used=9 lag-in-frames=0 keyframe-max-dist=3000 ! "
                  "rtpvp9pay"
                : "openh264enc name=encoder complexity=low gop-size=3000 ! rtph264pay config-interval=-1";
        return add_track(
            codec, std::string("videotestsrc name=camera is-live=true pattern=ball ! capsfilter name=size "
                               "caps=video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! ") +
                       encoder);
    }
    /// The element of that name in the last track's source.
    gst::Ref<GstElement> source(const char* name) const {
        return gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(sources.back().get()), name));
    }

    /// `action` while the last track's encoder is empty; what it gets afterwards was captured afterwards.
    testing::AssertionResult between_frames(const std::function<void()>& action) {
        struct Shutter {
            std::atomic<bool> closed = false;
            std::atomic<GstClockTime> open_at = GST_CLOCK_TIME_NONE;
        };
        const auto shutter = std::make_shared<Shutter>();
        const auto encoder = source("encoder");
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(encoder.get(), "sink"));
        gst_pad_add_probe(
            pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
            [](GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
                auto& shutter = **static_cast<std::shared_ptr<Shutter>*>(data);
                shutter.closed = true;
                return GST_BUFFER_PTS(gst_pad_probe_info_get_buffer(info)) < shutter.open_at
                           ? GST_PAD_PROBE_DROP
                           : GST_PAD_PROBE_REMOVE;
            },
            new std::shared_ptr<Shutter>(shutter),
            [](gpointer data) { delete static_cast<std::shared_ptr<Shutter>*>(data); });
        const auto closed = wait_for("a frame", [&] { return shutter->closed.load(); });
        action();
        shutter->open_at = gst_element_get_current_running_time(encoder.get());
        return closed;
    }

    /// `action`; after that the last track has one key frame, and no other.
    testing::AssertionResult with_one_key_frame(const std::function<void()>& action) {
        const auto encoder = source("encoder");
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(encoder.get(), "src"));
        const auto come = std::make_shared<std::atomic<bool>>(false);
        const auto done = between_frames([&] {
            gst::add_probe_shared(
                pad.get(),
                static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_UPSTREAM),
                [](GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
                    auto& come = **static_cast<std::shared_ptr<std::atomic<bool>>*>(data);
                    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_UPSTREAM)
                        return come ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
                    if (!GST_BUFFER_FLAG_IS_SET(gst_pad_probe_info_get_buffer(info),
                                                GST_BUFFER_FLAG_DELTA_UNIT))
                        come = true;
                    return GST_PAD_PROBE_OK;
                },
                come);
            action();
        });
        return done ? wait_for("a key frame", [&] { return come->load(); }) : done;
    }

    /// The last track's picture has another size; packets of it have come.
    testing::AssertionResult change_size() {
        const auto caps = gst::Ref<GstCaps>::adopt(
            gst_caps_from_string("video/x-raw,format=I420,width=480,height=360,framerate=30/1"));
        g_object_set(source("size").get(), "caps", caps.get(), nullptr);
        const auto encoder = source("encoder");
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(encoder.get(), "src"));
        const auto changed = wait_for("the encoder's change", [&] {
            const auto now = gst::Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
            int width = 0;
            gst_structure_get_int(gst_caps_get_structure(now.get(), 0), "width", &width);
            return width == 480;
        });
        if (!changed)
            return changed;
        const auto before = tracks.back()->counter("packets");
        return wait_for("packets", [&] { return tracks.back()->counter("packets") > before + 10; });
    }

    /// A branch of `options`, which begins by itself; its file is NAME of the test's folder.
    void begin(media::BranchOptions options, const std::string& file = "a.webm") {
        options.name = "recording";
        if (options.pipeline.empty())
            options.pipeline = "record-webm.launch";
        if (!file.empty())
            options.values["location"] = {folder + "/" + file, ""};
        options.start = media::BranchOptions::Start::OnProduce;
        auto recipe = media::BranchRecipe::make(options, templates, folder);
        ASSERT_TRUE(recipe) << recipe.error().message;
        recipes.push_back(std::move(recipe).value());
        branches = std::make_unique<media::Branches>(*around, pipeline, recipes, "{\"name\": \"Ada\"}");
        branches->update(tracks);
    }
    media::BranchState state() const { return branches->states().front(); }
    testing::AssertionResult wait_for_ms(uint64_t ms) {
        return wait_for("a recording of some length", [this, ms] { return state().duration_ms >= ms; });
    }
    /// The state after its end.
    Result<media::BranchState> end() {
        std::optional<Result<media::BranchState>> ended;
        branches->end("recording", Done<media::BranchState>([&](Result<media::BranchState> result) {
                          ended = std::move(result);
                      }));
        EXPECT_TRUE(wait_for(
            "the branch's end", [&] { return ended.has_value(); }, std::chrono::seconds(20)));
        if (!ended)
            return Error{ErrorCode::Timeout, "no end"};
        return *ended;
    }

    /// What a program of another project says of a file.
    static std::string said(const std::string& command) {
        char* out = nullptr;
        char* err = nullptr;
        GError* error = nullptr;
        int status = 0;
        g_spawn_command_line_sync(command.c_str(), &out, &err, &status, &error);
        const glib::OwnedString owned_out(out), owned_err(err);
        const glib::OwnedError owned_error(error);
        EXPECT_EQ(error, nullptr) << error->message;
        EXPECT_TRUE(g_spawn_check_wait_status(status, nullptr)) << command << "\n" << (err ? err : "");
        return std::string(out ? out : "") + (err ? err : "");
    }
    /// "duration", "nb_read_packets"... of ffprobe's "key=value" lines, for a stream ("a:0", "v:0") or the
    /// format.
    static std::string probe(const std::string& file, const std::string& entry,
                             const std::string& stream = "") {
        return g_strstrip(said("ffprobe -v error -count_packets " +
                               (stream.empty() ? "" : "-select_streams " + stream) + " -show_entries " +
                               entry + " -of default=nw=1:nk=1 " + file)
                              .data());
    }
    static std::string read(const std::string& path) {
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }

    std::string folder;
    std::unique_ptr<gst::Workers> tear_down = std::make_unique<gst::Workers>(2);
    std::unique_ptr<gst::Workers> files = std::make_unique<gst::Workers>(2);
    std::unique_ptr<ice::Network> network;
    std::unique_ptr<media::Surroundings> around;
    std::shared_ptr<media::Pipeline> pipeline;
    std::shared_ptr<media::Templates> templates;
    media::Branch::Tracks tracks;
    std::vector<gst::Ref<GstElement>> sources;
    std::vector<media::BranchRecipe> recipes;
    std::unique_ptr<media::Branches> branches;
};

}  // namespace sluice::test
