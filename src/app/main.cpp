#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <unistd.h>

#include <glib-unix.h>
#include <gst/gst.h>

#include "app/capacity.h"
#include "app/config.h"
#include "app/gstreamer_log.h"
#include "app/launch_command.h"
#include "app/stop.h"
#include "base/glib_scheduler.h"
#include "base/owned.h"
#include "base/text.h"
#include "elements/elements.h"
#include "media/leftovers.h"

namespace sluice::app {
namespace {

constexpr const char* kDefaultFile = "/etc/sluice/sluice.conf";

struct CommandLine {
    std::string file;
    std::vector<std::string> settings;
    bool check = false;
    bool print = false;
    bool version = false;
    bool templates = false;               ///< "sluice templates"
    std::optional<LaunchCommand> launch;  ///< "sluice launch"
};

int complain(const Error& error) {
    std::fprintf(stderr, "sluice: %s\n", error.message.c_str());
    return EXIT_FAILURE;
}

/// Options of "launch" only.
struct LaunchOptions {
    char* source = nullptr;
    char* codec = nullptr;
    int seconds = 0;
};

/// The words that are no options: nothing, "templates", or "launch" with its own.
Status read_words(const std::vector<std::string>& words, const LaunchOptions& options, CommandLine& line) {
    const auto wrong = [](const std::string& text) { return Error{ErrorCode::InvalidArgument, text}; };
    if (options.seconds < 0)
        return wrong("--seconds is " + std::to_string(options.seconds) + "; allowed is 0 or more");
    if (!words.empty() && words.front() == "launch") {
        auto command =
            read_launch_command({words.begin() + 1, words.end()}, options.source ? options.source : "test");
        if (!command)
            return command.error();
        line.launch = std::move(command).value();
        line.launch->codec = options.codec ? options.codec : "";
        line.launch->duration = std::chrono::seconds(options.seconds);
        return Ok{};
    }
    if (options.source || options.codec || options.seconds > 0)
        return wrong("--source, --codec and --seconds go with launch");
    line.templates = !words.empty() && words.front() == "templates";
    const size_t known = line.templates ? 1 : 0;
    if (words.size() > known)
        return wrong("\"" + words[known] + "\" is no option and no command (--help shows all)");
    return Ok{};
}

Result<CommandLine> read_command_line(int argc, char** argv) {
    char* file = nullptr;
    char** settings = nullptr;
    gboolean check = FALSE, print = FALSE, version = FALSE;
    LaunchOptions launch;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file,
         "Read this key file (default: /etc/sluice/sluice.conf, if there)", "FILE"},
        {"set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &settings, "Set one key, after the file; may be repeated",
         "GROUP.KEY=VALUE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &check, "Check configuration, plug-ins and templates, and end",
         nullptr},
        {"print-config", 0, 0, G_OPTION_ARG_NONE, &print,
         "Print every key with its meaning and value, and end", nullptr},
        {"source", 0, 0, G_OPTION_ARG_STRING, &launch.source,
         "launch: what goes in: test (default), or webrtc-dump, whose FILE is the last word", "SOURCE"},
        {"codec", 0, 0, G_OPTION_ARG_STRING, &launch.codec,
         "launch: of the test source's picture: VP8, VP9 or H264 (default: the first that the template "
         "takes)",
         "CODEC"},
        {"seconds", 0, 0, G_OPTION_ARG_INT, &launch.seconds, "launch: end after so long (default: 0, never)",
         "N"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version, and end", nullptr},
        {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
    const glib::Owned<GOptionContext, g_option_context_free> context(
        g_option_context_new("[COMMAND] - a media server for video rooms, driven by REST"));
    g_option_context_set_description(
        context.get(),
        "Without a command it serves: without options on 127.0.0.1:8080, with its log on standard error.\n"
        "  sluice --set http.port=8090 --set log.format=json\n\n"
        "Commands:\n"
        "  templates  Print every template: what it takes and gives, its holes and file, whether it runs "
        "here\n"
        "  launch TEMPLATE [HOLE=VALUE...] [FILE]\n"
        "             Print the gst-launch-1.0 command line of a branch's template, and run it; Ctrl-C "
        "finishes\n"
        "  sluice launch record-webm location=test.webm\n");
    g_option_context_add_main_entries(context.get(), entries, nullptr);
    GError* error = nullptr;
    const bool parsed = g_option_context_parse(context.get(), &argc, &argv, &error);
    const glib::OwnedError owned_error(error);
    const glib::OwnedString owned_file(file);
    const glib::Owned<char*, g_strfreev> owned_settings(settings);
    const glib::OwnedString owned_source(launch.source), owned_codec(launch.codec);
    if (!parsed)
        return Error{ErrorCode::InvalidArgument, error->message};
    CommandLine line;
    if (const auto read = read_words({argv + 1, argv + argc}, launch, line); !read)
        return read.error();
    line.file = file ? file : "";
    line.check = check;
    line.print = print;
    line.version = version;
    for (char** setting = settings; setting && *setting; setting++) line.settings.emplace_back(*setting);
    return line;
}

Result<Config> configure(const CommandLine& line) {
    Config config = default_config();
    const bool has_default = line.file.empty() && g_file_test(kDefaultFile, G_FILE_TEST_EXISTS);
    if (!line.file.empty() || has_default)
        if (const auto applied = apply_file(config, has_default ? kDefaultFile : line.file); !applied)
            return applied.error();
    for (const auto& setting : line.settings)
        if (const auto applied = apply_setting(config, setting); !applied)
            return applied.error();
    return config;
}

/// All that serve() sets up and every template, but on any free ports: a running server may hold the
/// configured ones. It changes nothing on the disk.
Status check(Config config, Scheduler& scheduler) {
    config.ice.port_min = config.ice.port_max = 0;
    config.http.port = 0;
    const auto network = ice::Network::open(config.ice);
    if (!network)
        return network.error();
    if (const auto built = media::check_templates(config.media); !built)
        return built.error();
    const auto engine = media::make_engine(scheduler, **network, config.media);
    if (!engine)
        return engine.error();
    rooms::Rooms rooms(scheduler, **engine, config.limits);
    if (const auto server = http::Server::listen(scheduler, rooms, config.http); !server)
        return server.error();
    return Ok{};
}

Status serve(const Config& config, GlibScheduler& scheduler) {
    const auto network = ice::Network::open(config.ice);
    if (!network)
        return network.error();
    const auto engine = media::make_engine(scheduler, **network, config.media);
    if (!engine)
        return engine.error();
    rooms::Rooms rooms(scheduler, **engine, config.limits);
    const auto server = http::Server::listen(scheduler, rooms, config.http);
    if (!server)
        return server.error();
    const glib::Owned<GMainLoop, g_main_loop_unref> loop(g_main_loop_new(nullptr, FALSE));
    const Stop stop(scheduler, rooms, **server, **engine, [&loop] { g_main_loop_quit(loop.get()); });
    log::info("ready", {{"http_address", config.http.address},
                        {"http_port", std::to_string((*server)->port())},
                        {"tls", config.http.tls_key.empty() ? "no" : "yes"},
                        {"tokens", std::to_string(config.http.tokens.size())},
                        {"candidates", joined((*network)->addresses(), "; ")},
                        {"connections_limit", std::to_string(config.limits.connections)}});
    const media::LeftoverWork leftovers(config.media.recordings, media::templates_of(config.media));
    g_main_loop_run(loop.get());
    return Ok{};
}

/// A connection has three threads, and what is kept for each thread is much of its memory: glibc's cache of
/// freed memory (since 2.26) 60 kB, GLib's magazines of freed slices (before 2.76, when slices became
/// malloc's) a quarter. Both are settled before main() begins, so the program begins again without them. What
/// its user has set stays.
void keep_nothing_for_threads(char** argv) {
    bool again = false;
    const auto want = [&again](const char* variable, const char* value) {
        if (g_getenv(variable))
            return;
        setenv(variable, value, 1);
        again = true;
    };
    want("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
#if !GLIB_CHECK_VERSION(2, 76, 0)
    want("G_SLICE", "always-malloc");
#endif
    if (again)
        execv("/proc/self/exe", argv);  // where that cannot be done, it goes on as it is
}

int run(int argc, char** argv) {
    std::setlocale(LC_CTYPE, "");  // --help has characters beyond ASCII.
    const auto line = read_command_line(argc, argv);
    if (!line)
        return complain(line.error());
    if (line->version) {
        std::printf("sluice %s (GStreamer %u.%u.%u)\n", SLUICE_VERSION, GST_VERSION_MAJOR, GST_VERSION_MINOR,
                    GST_VERSION_MICRO);
        return EXIT_SUCCESS;
    }
    raise_file_limit();
    auto config = configure(*line);
    if (!config)
        return complain(config.error());
    if (line->print) {
        std::fputs(print(*config).c_str(), stdout);
        return EXIT_SUCCESS;
    }
    log::configure(config->log_level, config->log_format);
    if (const auto completed = complete(*config); !completed)
        return complain(completed.error());

    gst_init(nullptr, nullptr);
    bridge_gstreamer_log();
    elements::init();
    GlibScheduler scheduler(g_main_context_default());
    const auto templates = media::templates_of(config->media);
    if (line->templates)
        std::fputs(templates->table().c_str(), stdout);
    const auto ended = line->templates ? Status(Ok{})
                       : line->launch  ? launch(*line->launch, *templates)
                       : line->check   ? check(*config, scheduler)
                                       : serve(*config, scheduler);
    if (!ended)
        return complain(ended.error());
    if (line->check)
        std::puts("ok");
    gst_deinit();
    if (!line->templates && !line->launch && !line->check)
        log::info("stopped");
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace sluice::app

int main(int argc, char** argv) {
    sluice::app::keep_nothing_for_threads(argv);
    return sluice::app::run(argc, argv);
}
