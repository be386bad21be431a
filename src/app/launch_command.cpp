#include "app/launch_command.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <optional>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <glib-unix.h>
#include <gst/gst.h>

#include "base/owned.h"
#include "base/text.h"
#include "gst/ref.h"

namespace sluice::app {
namespace {

constexpr std::string_view kSuffix = ".launch";
constexpr const char* kPlugin = "libgstsluice.so";
constexpr size_t kLineWidth = 110;

/// What the test source's picture is encoded by.
struct Encoder {
    const char* codec;
    const char* chain;
};
constexpr Encoder kEncoders[] = {
    {"VP8", "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=60 ! rtpvp8pay pt=96"},
    {"VP9", "vp9enc deadline=1 cpu-used=8 lag-in-frames=0 keyframe-max-dist=60 ! rtpvp9pay pt=96"},
    {"H264", "openh264enc complexity=low gop-size=60 ! rtph264pay pt=96 config-interval=-1"},
};
constexpr const char* kSound =
    "audiotestsrc is-live=true samplesperbuffer=960 volume=0.3 ! opusenc ! rtpopuspay pt=111";
constexpr const char* kPicture =
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=640,height=360,framerate=30/1"
    " ! timeoverlay font-desc=\"Sans 24\" ! ";

Error wrong(const std::string& message) {
    return Error{ErrorCode::InvalidArgument, message};
}

/// The RTP that goes in, and the parts of the template that take it.
struct Source {
    std::string text;
    std::vector<std::string> parts;
};

Result<Source> test_source(const gst::LaunchTemplate& chain, const std::string& codec) {
    Source source;
    if (chain.has_part("audio opus")) {
        source.text = std::string(kSound) + " ! audio. ";
        source.parts.emplace_back("audio opus");
    }
    const auto taken = [&](const Encoder& encoder) {
        return chain.has_part(std::string("video ") + encoder.codec) &&
               (codec.empty() || codec == encoder.codec);
    };
    const auto* encoder = std::ranges::find_if(kEncoders, taken);
    if (encoder != std::end(kEncoders)) {
        source.text += std::string(kPicture) + encoder->chain + " ! video. ";
        source.parts.push_back(std::string("video ") + encoder->codec);
    }
    if (source.parts.empty() || (!codec.empty() && encoder == std::end(kEncoders)))
        return wrong("the test source cannot give " + (codec.empty() ? "" : codec + " to ") + chain.name() +
                     ": it has opus, VP8, VP9 and H264, and the template takes " + joined(chain.parts()));
    return source;
}

/// "audio opus", by payload type, of the tracks in a dump.
using Tracks = std::map<int, std::string>;

GstPadProbeReturn note_track(GstPad*, GstPadProbeInfo* info, gpointer tracks) noexcept {
    GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    const GstStructure* rtp = gst_caps_get_structure(caps, 0);
    const char* kind = gst_structure_get_string(rtp, "media");
    const char* codec = gst_structure_get_string(rtp, "encoding-name");
    int payload = 0;
    if (kind && codec && gst_structure_get_int(rtp, "payload", &payload))
        (*static_cast<Tracks*>(tracks))[payload] =
            std::string(kind) + " " + (g_str_equal(codec, "OPUS") ? "opus" : codec);
    return GST_PAD_PROBE_OK;
}

/// An element's error, for people.
std::string text_of(GstMessage* message) {
    GError* error = nullptr;
    char* debug = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
        gst_message_parse_warning(message, &error, &debug);
    else
        gst_message_parse_error(message, &error, &debug);
    const glib::OwnedError owned_error(error);
    const glib::OwnedString owned_debug(debug);
    return std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + error->message +
           (debug ? std::string(" (") + debug + ")" : "");
}

/// Reads the whole of it: a track may begin late.
Result<Tracks> tracks_of(const std::string& dump) {
    const auto pipeline = gst::Ref<GstElement>::sink(
        gst_parse_launch("filesrc name=file ! gdpdepay name=depay ! fakesink sync=false", nullptr));
    const auto file = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "file"));
    g_object_set(file.get(), "location", dump.c_str(), nullptr);
    const auto depay = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "depay"));
    const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(depay.get(), "src"));
    Tracks tracks;
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note_track, &tracks, nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto bus = gst::Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    const auto message = gst::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
        return wrong(dump + ": " + text_of(message.get()));
    return tracks;
}

Result<Source> dump_source(const gst::LaunchTemplate& chain, const std::string& dump) {
    const auto tracks = tracks_of(dump);
    if (!tracks)
        return tracks.error();
    Source source;
    source.text =
        "filesrc location=" + gst::LaunchTemplate::quoted(dump) + " ! gdpdepay ! rtpptdemux name=dump ";
    std::vector<std::string> found;
    for (const char* kind : {"audio", "video"}) {
        bool taken = false;
        for (const auto& [payload, track] : *tracks) {
            if (!track.starts_with(kind))
                continue;
            found.push_back(track);
            if (taken || !chain.has_part(track))
                continue;
            taken = true;
            source.text += "dump.src_" + std::to_string(payload) + " ! queue ! " + kind + ". ";
            source.parts.push_back(track);
        }
    }
    if (source.parts.empty())
        return wrong(dump + " has " + (found.empty() ? "no track" : joined(found)) + ", and " + chain.name() +
                     " takes " + joined(chain.parts()));
    return source;
}

/// gst-launch-1.0 with what finds `own` elements, for a shell.
std::string program_for(const std::vector<std::string>& own) {
    const std::string program = "gst-launch-1.0 -e -v";
    const glib::OwnedString self(g_file_read_link("/proc/self/exe", nullptr));
    const glib::OwnedString folder(g_path_get_dirname(self ? self.get() : "."));
    for (const char* beside : {".", "../" LIBDIR "/gstreamer-1.0"}) {  // as built, as installed
        const glib::OwnedString plugins(g_canonicalize_filename(beside, folder.get()));
        const glib::OwnedString plugin(g_build_filename(plugins.get(), kPlugin, nullptr));
        if (!own.empty() && g_file_test(plugin.get(), G_FILE_TEST_EXISTS))
            return "GST_PLUGIN_PATH=" + std::string(glib::OwnedString(g_shell_quote(plugins.get())).get()) +
                   " " + program;
    }
    return program;
}

/// A description's words, for a shell, in lines.
std::string for_shell(const std::string& program, const std::string& description) {
    std::string text, word, line = program;
    bool in_quotes = false;
    const auto end_word = [&] {
        if (word.empty())
            return;
        const bool plain = std::ranges::all_of(word, [](char c) {
            return g_ascii_isalnum(c) || std::string_view("_./:=,-+!").find(c) != std::string_view::npos;
        });
        const std::string shown = plain ? word : glib::OwnedString(g_shell_quote(word.c_str())).get();
        if (line.size() + shown.size() > kLineWidth) {
            text += line + " \\\n ";
            line.clear();
        }
        line += " " + shown;
        word.clear();
    };
    for (size_t i = 0; i < description.size(); i++) {
        const char c = description[i];
        if (c == '"' && (i == 0 || description[i - 1] != '\\'))
            in_quotes = !in_quotes;
        if (g_ascii_isspace(c) && !in_quotes)
            end_word();
        else
            word += c;
    }
    end_word();
    return text + line + "\n";
}

/// Elements that only this program has.
std::vector<std::string> own_elements(GstBin* bin) {
    std::vector<std::string> names;
    const glib::Owned<GstIterator, gst_iterator_free> elements(gst_bin_iterate_recurse(bin));
    const auto note = [](const GValue* value, gpointer data) noexcept {
        GstElementFactory* factory = gst_element_get_factory(GST_ELEMENT(g_value_get_object(value)));
        if (factory && g_str_has_prefix(GST_OBJECT_NAME(factory), "sluice"))
            static_cast<std::vector<std::string>*>(data)->emplace_back(GST_OBJECT_NAME(factory));
    };
    gst_iterator_foreach(elements.get(), note, &names);
    return names;
}

/// A pipeline from PLAYING to its end.
class Run {
public:
    explicit Run(GstElement* pipeline)
        : pipeline_(gst::Ref<GstElement>::retain(pipeline)),
          bus_(gst::Ref<GstBus>::adopt(gst_element_get_bus(pipeline))),
          loop_(g_main_loop_new(nullptr, FALSE)) {
        gst_element_add_property_deep_notify_watch(pipeline, "caps", TRUE);
        sources_ = {gst_bus_add_watch(bus_.get(), on_message, this),
                    g_unix_signal_add(SIGINT, on_signal, this), g_unix_signal_add(SIGTERM, on_signal, this)};
    }
    ~Run() {
        for (const guint id : sources_) g_source_remove(id);
        gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    Status until_its_end(std::chrono::seconds duration) {
        if (duration.count() > 0)
            sources_.push_back(g_timeout_add_seconds(static_cast<guint>(duration.count()), on_time, this));
        if (isatty(STDERR_FILENO))
            sources_.push_back(g_timeout_add_seconds(1, on_second, this));
        gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
        g_main_loop_run(loop_.get());
        return outcome_;
    }

private:
    void end(Status outcome) {
        outcome_ = std::move(outcome);
        g_main_loop_quit(loop_.get());
    }
    void finish() {
        finishing_ = true;
        std::fputs("finishing\n", stderr);
        gst_element_send_event(pipeline_.get(), gst_event_new_eos());
    }

    static gboolean on_signal(gpointer data) noexcept {
        auto* self = static_cast<Run*>(data);
        if (self->finishing_)
            self->end(Error{ErrorCode::Internal, "ended before the file was whole"});
        else
            self->finish();
        return G_SOURCE_CONTINUE;
    }
    static gboolean on_time(gpointer data) noexcept {
        auto* self = static_cast<Run*>(data);
        if (!self->finishing_)
            self->finish();
        return G_SOURCE_CONTINUE;
    }
    static gboolean on_second(gpointer data) noexcept {
        auto* self = static_cast<Run*>(data);
        std::fprintf(stderr, "%" GST_TIME_FORMAT "\r",
                     GST_TIME_ARGS(gst_element_get_current_running_time(self->pipeline_.get())));
        return G_SOURCE_CONTINUE;
    }
    static gboolean on_message(GstBus*, GstMessage* message, gpointer data) noexcept {
        auto* self = static_cast<Run*>(data);
        switch (GST_MESSAGE_TYPE(message)) {
            case GST_MESSAGE_EOS:
                std::fputs("the end\n", stderr);
                self->end(Ok{});
                break;
            case GST_MESSAGE_ERROR:
                self->end(Error{ErrorCode::Internal, text_of(message)});
                break;
            case GST_MESSAGE_WARNING:
                std::fprintf(stderr, "warning: %s\n", text_of(message).c_str());
                break;
            case GST_MESSAGE_PROPERTY_NOTIFY:
                print_caps(message);
                break;
            case GST_MESSAGE_STATE_CHANGED:
                if (GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(self->pipeline_.get()))
                    print_state(message);
                break;
            default:
                break;
        }
        return G_SOURCE_CONTINUE;
    }
    static void print_caps(GstMessage* message) {
        GstObject* object = nullptr;
        const char* property = nullptr;
        const GValue* value = nullptr;
        gst_message_parse_property_notify(message, &object, &property, &value);
        if (!value || !g_value_get_boxed(value))
            return;
        const glib::OwnedString path(gst_object_get_path_string(object));
        const glib::OwnedString caps(gst_caps_to_string(gst_value_get_caps(value)));
        std::fprintf(stderr, "%s: %s = %s\n", path.get(), property, caps.get());
    }
    static void print_state(GstMessage* message) {
        GstState now = GST_STATE_NULL;
        gst_message_parse_state_changed(message, nullptr, &now, nullptr);
        std::fprintf(stderr, "%s\n", gst_element_state_get_name(now));
    }

    gst::Ref<GstElement> pipeline_;
    gst::Ref<GstBus> bus_;
    glib::Owned<GMainLoop, g_main_loop_unref> loop_;
    std::vector<guint> sources_;
    bool finishing_ = false;
    Status outcome_ = Ok{};
};

}  // namespace

Result<LaunchCommand> read_launch_command(const std::vector<std::string>& words, const std::string& source) {
    LaunchCommand command;
    auto rest = words;
    if (source == "webrtc-dump") {
        if (rest.size() < 2)
            return wrong("--source webrtc-dump takes the name of a file after all else");
        command.dump = rest.back();
        rest.pop_back();
    } else if (source != "test")
        return wrong("--source is \"" + source + "\"; allowed is test, or webrtc-dump with a FILE");
    if (rest.empty())
        return wrong("launch takes the name of a template; \"sluice templates\" lists them");
    command.name = rest.front();
    for (size_t i = 1; i < rest.size(); i++) {
        const auto equals = rest[i].find('=');
        if (equals == std::string::npos || equals == 0)
            return wrong("\"" + rest[i] + "\" is no hole=value");
        command.values[rest[i].substr(0, equals)] = rest[i].substr(equals + 1);
    }
    if (!command.name.ends_with(kSuffix))
        command.name += kSuffix;
    return command;
}

Status launch(const LaunchCommand& command, const media::Templates& templates) {
    const auto chain = templates.load(command.name);
    if (!chain)
        return chain.error();
    if (chain->parts().empty())
        return wrong(command.name +
                     " is no branch: it has no part such as [audio opus], and needs a server around it");
    const auto source =
        command.dump.empty() ? test_source(*chain, command.codec) : dump_source(*chain, command.dump);
    if (!source)
        return source.error();
    if (command.values.contains(chain->sdp()))
        return wrong("only the server writes ${" + chain->sdp() + "}; leave it out");
    const auto text = chain->expand(command.values, source->parts);
    if (!text)
        return wrong(text.error().message + "; its holes are " + joined(chain->holes()));
    const auto description = source->text + *text;
    GError* error = nullptr;
    const auto pipeline = gst::Ref<GstElement>::sink(
        gst_parse_launch_full(description.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error));
    if (error) {
        const glib::OwnedError owned(error);
        return Error{ErrorCode::Internal, command.name + ": " + error->message};
    }
    gst::wait_for_no_reports(GST_BIN(pipeline.get()));
    std::fputs(for_shell(program_for(own_elements(GST_BIN(pipeline.get()))), description).c_str(), stdout);
    std::fflush(stdout);
    return Run(pipeline.get()).until_its_end(command.duration);
}

}  // namespace sluice::app
