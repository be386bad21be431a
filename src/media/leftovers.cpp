#include "media/leftovers.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/file.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "gst/ref.h"
#include "media/heed_gaps.h"
#include "media/recording_file.h"

namespace sluice::media {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDescription = ".part.json";
/// A copy that has not gone on for so long is stuck.
constexpr GstClockTime kPatience = 60 * GST_SECOND;

/// A track of which nothing has come for so long is silent. Less than a queue before the muxer holds.
constexpr GstClockTime kSilence = 3 * GST_SECOND;

struct Copy {
    struct Track {
        gst::Ref<GstPad> sink;  ///< Of its queue.
        GstClockTime told = 0;  ///< What is behind knows of it up to here.
    };
    gst::Ref<GstElement> bin;
    gst::Ref<GstElement> mux;
    std::vector<Track> tracks;  ///< The demuxer's thread.
    std::atomic<GstClockTime> newest{0};
};

/// matroskademux 1.22 sends no GAP events for sound and picture, without which a muxer waits for a silent
/// track.
GstPadProbeReturn note_time(GstPad* pad, GstPadProbeInfo* info, gpointer data) noexcept {
    auto& copy = *static_cast<Copy*>(data);
    const GstClockTime time = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
    if (!GST_CLOCK_TIME_IS_VALID(time))
        return GST_PAD_PROBE_OK;
    copy.newest = std::max(copy.newest.load(), time);
    for (auto& track : copy.tracks)
        if (track.sink.get() == pad)
            track.told = std::max(track.told, time);
        else if (track.told + kSilence < time) {
            gst_pad_send_event(track.sink.get(), gst_event_new_gap(track.told, time - track.told));
            track.told = time;
        }
    return GST_PAD_PROBE_OK;
}

/// A track of the torn file.
void add_track(GstElement*, GstPad* pad, Copy* copy) noexcept {
    GstElement* queue = gst_element_factory_make("queue", nullptr);
    g_object_set(queue, "max-size-buffers", 0, "max-size-bytes", 0, "max-size-time", guint64{10 * GST_SECOND},
                 nullptr);
    gst_bin_add(GST_BIN(copy->bin.get()), queue);
    const auto sink = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(queue, "sink"));
    copy->tracks.push_back({.sink = sink});
    gst_pad_add_probe(sink.get(), GST_PAD_PROBE_TYPE_BUFFER, note_time, copy, nullptr);
    gst_element_link_pads(queue, "src", copy->mux.get(),
                          g_str_has_prefix(GST_PAD_NAME(pad), "audio") ? "audio_%u" : "video_%u");
    const auto source = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(queue, "src"));
    if (const auto into = gst::Ref<GstPad>::adopt(gst_pad_get_peer(source.get())))
        heed_gaps(copy->mux.get(), into.get());
    gst_element_sync_state_with_parent(queue);
    gst_pad_link(pad, sink.get());
}

/// Copies `from` to `to` by a template, until its end or what is torn; the duration. Nothing: it was stopped.
Result<std::optional<uint64_t>> copy_whole(const gst::LaunchTemplate& finisher, const std::string& from,
                                           const std::string& to, const std::stop_token& stop) {
    auto bin = finisher.build({{"from", from}, {"to", to}});
    if (!bin)
        return bin.error();
    const auto part = [&](const char* name) {
        return gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin->get()), name));
    };
    const auto pipeline = gst::Ref<GstElement>::sink(gst_pipeline_new("finisher"));
    const auto bus = gst::Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    Copy copy{.bin = *bin, .mux = part("mux"), .tracks = {}};
    const auto demux = part("demux");
    if (!demux || !copy.mux)
        return Error{ErrorCode::Internal, finisher.name() + ": no element named \"demux\" or \"mux\""};
    g_signal_connect(demux.get(), "pad-added", G_CALLBACK(add_track), &copy);
    gst_bin_add(GST_BIN(pipeline.get()), bin->get());
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const std::stop_callback on_stop(stop, [&bus] {
        gst_bus_post(bus.get(), gst_message_new_application(nullptr, gst_structure_new_empty("stop")));
    });
    gst::Ref<GstMessage> message;
    GstClockTime before = 0;
    do {
        before = copy.newest;
        message = gst::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), kPatience,
            static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_APPLICATION)));
    } while (!message && copy.newest > before);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (!message)
        return Error{ErrorCode::Timeout, from + ": finishing it does not go on"};
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
        GError* raw = nullptr;
        gst_message_parse_error(message.get(), &raw, nullptr);
        const gst::OwnedError error(raw);
        return Error{ErrorCode::Internal, from + ": cannot be finished: " + error->message};
    }
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_APPLICATION)
        return std::optional<uint64_t>();
    return std::optional<uint64_t>(copy.newest / GST_MSECOND);
}

/// `by` is brought to the disk and takes the place of `path`: whoever is killed leaves the one or the other.
bool replace(const std::string& path, const std::string& by) {
    const int fd = open(by.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool synced = fdatasync(fd) == 0;
    close(fd);
    return synced && rename(by.c_str(), path.c_str()) == 0;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

std::vector<std::string> leftovers(const std::string& folder) {
    std::vector<std::string> found;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error),
         end;
         !error && entry != end; entry.increment(error)) {
        const auto path = entry->path().string();
        if (path.ends_with(kDescription))
            found.push_back(path.substr(0, path.size() - kDescription.size()));
    }
    return found;
}

Result<bool> finish_leftover(const std::string& path, const Templates& templates, const std::string& ended,
                             const std::stop_token& stop) {
    const auto part = path + ".part";
    const auto description = path + std::string(kDescription);
    const auto wrong = [](const std::string& what) {
        return Error{ErrorCode::Internal, what + ": " + g_strerror(errno)};
    };
    struct Lock {
        int fd;
        ~Lock() { close(fd); }
    } lock{open(part.c_str(), O_RDONLY | O_CLOEXEC)};
    if (lock.fd < 0 && errno == ENOENT)  // Who finishes it renames it first, and has it locked yet.
        lock.fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (lock.fd < 0 && errno != ENOENT)
        return wrong(part);
    if (lock.fd >= 0 && flock(lock.fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    std::error_code error;
    const bool torn = fs::exists(part, error);  // Not before: it may have been finished meanwhile.
    const bool is_told = !error && fs::exists(path + ".json", error);
    if (error)
        return Error{ErrorCode::Internal, part + ": " + error.message()};
    if (!torn) {  // It was whole, and not yet said to be; or nothing had come, and neither is there any more.
        const int done = is_told || lock.fd < 0 ? unlink(description.c_str())
                                                : rename(description.c_str(), (path + ".json").c_str());
        if (done != 0 && errno != ENOENT)
            return wrong(description);
        return done == 0;
    }
    if (fs::file_size(part, error) == 0) {  // Nothing had come.
        unlink(part.c_str());
        unlink(description.c_str());
        return true;
    }
    const auto text = text_of(description);
    const auto parsed = json::parse(text);
    if (!parsed)
        return Error{ErrorCode::Internal, description + ": " + parsed.error().message};
    std::optional<uint64_t> duration;
    if (const auto name = parsed->members.find("finisher"); name != parsed->members.end()) {
        const auto template_name = json::decoded(name->second);
        if (!template_name)
            return Error{ErrorCode::Internal, description + ": finisher: " + template_name.error().message};
        const auto finisher = templates.load(*template_name);
        if (!finisher)
            return finisher.error();
        const auto whole = path + ".finishing";
        auto copied = copy_whole(*finisher, part, whole, stop);
        if (copied && *copied && !replace(part, whole))
            copied = wrong(whole);
        if (!copied || !*copied)
            unlink(whole.c_str());
        if (!copied)
            return copied.error();
        if (!*copied)
            return false;
        duration = *copied;
    } else
        fdatasync(lock.fd);
    const auto told = with_end(text, duration, ended);
    if (!told)
        return told.error();
    // First: what cannot be told is tried again at the next start.
    if (const auto written = write_whole(path + ".json", *told); !written)
        return written.error();
    if (renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
        return wrong(path);
    unlink(description.c_str());  // Last: by it the next start finds what is left to do.
    return true;
}

LeftoverWork::LeftoverWork(const std::string& folder, std::shared_ptr<const Templates> templates) {
    thread_.run("left-over recordings", [folder, templates = std::move(templates), stop = stop_.get_token()] {
        for (const auto& path : leftovers(folder)) {
            if (stop.stop_requested())
                return;
            const auto done =
                finish_leftover(path, *templates, "the server ended; completed at its next start", stop);
            if (!done)
                log::error("a left-over recording cannot be completed",
                           {{"file", path}, {"error", done.error().message}});
            else if (*done)
                log::info("a left-over recording is complete", {{"file", path}});
        }
    });
}

LeftoverWork::~LeftoverWork() {
    stop_.request_stop();
}

}  // namespace sluice::media
