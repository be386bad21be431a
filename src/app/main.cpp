#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unistd.h>

#include <glib-unix.h>
#include <gst/gst.h>

#include "app/capacity.h"
#include "app/config.h"
#include "app/gstreamer_log.h"
#include "app/stop.h"
#include "base/glib_scheduler.h"
#include "base/owned.h"
#include "base/text.h"
#include "elements/elements.h"

namespace sluice::app {
namespace {

constexpr const char* kDefaultFile = "/etc/sluice/sluice.conf";

struct CommandLine {
    std::string file;
    std::vector<std::string> settings;
    bool check = false;
    bool print = false;
    bool templates = false;
    bool version = false;
};

int complain(const Error& error) {
    std::fprintf(stderr, "sluice: %s\n", error.message.c_str());
    return EXIT_FAILURE;
}

Result<CommandLine> read_command_line(int argc, char** argv) {
    char* file = nullptr;
    char** settings = nullptr;
    gboolean check = FALSE, print = FALSE, templates = FALSE, version = FALSE;
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file,
         "Read this key file (default: /etc/sluice/sluice.conf, if there)", "FILE"},
        {"set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &settings, "Set one key, after the file; may be repeated",
         "GROUP.KEY=VALUE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &check, "Check configuration, plug-ins and templates, and end",
         nullptr},
        {"print-config", 0, 0, G_OPTION_ARG_NONE, &print,
         "Print every key with its meaning and value, and end", nullptr},
        {"templates", 0, 0, G_OPTION_ARG_NONE, &templates,
         "Print every template with its tracks, holes and file, and whether this machine can run it, and end",
         nullptr},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version, and end", nullptr},
        {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr}};
    const glib::Owned<GOptionContext, g_option_context_free> context(
        g_option_context_new("- a media server for video rooms, driven by REST"));
    g_option_context_set_description(
        context.get(),
        "Without options it listens on 127.0.0.1:8080 and logs to standard error.\n"
        "  sluice --set http.port=8090 --set log.format=json\n");
    g_option_context_add_main_entries(context.get(), entries, nullptr);
    GError* error = nullptr;
    const bool parsed = g_option_context_parse(context.get(), &argc, &argv, &error);
    const glib::OwnedError owned_error(error);
    const glib::OwnedString owned_file(file);
    const glib::Owned<char*, g_strfreev> owned_settings(settings);
    if (!parsed)
        return Error{ErrorCode::InvalidArgument, error->message};
    if (argc > 1)
        return Error{ErrorCode::InvalidArgument,
                     std::string("\"") + argv[1] + "\" is no option (--help shows all)"};
    CommandLine line;
    line.file = file ? file : "";
    line.check = check;
    line.print = print;
    line.templates = templates;
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
/// configured ones.
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
    log::info("ready", {{"http_address", config.http.address},
                        {"http_port", std::to_string((*server)->port())},
                        {"tls", config.http.tls_key.empty() ? "no" : "yes"},
                        {"tokens", std::to_string(config.http.tokens.size())},
                        {"candidates", joined((*network)->addresses(), "; ")},
                        {"connections_limit", std::to_string(config.limits.connections)}});
    const glib::Owned<GMainLoop, g_main_loop_unref> loop(g_main_loop_new(nullptr, FALSE));
    Stop stop(scheduler, rooms, **server, **engine, [&loop] { g_main_loop_quit(loop.get()); });
    g_main_loop_run(loop.get());
    return Ok{};
}

/// GLib before 2.76 keeps magazines of freed slices for every thread, and a connection has four threads: a
/// quarter of its memory. G_SLICE is read before main() begins, so the program begins again with it.
/// (Since 2.76 a slice is malloc's.)
void do_without_slices(char** argv) {
#if !GLIB_CHECK_VERSION(2, 76, 0)
    if (g_getenv("G_SLICE"))
        return;
    setenv("G_SLICE", "always-malloc", 1);
    execv("/proc/self/exe", argv);  // where that cannot be done, it goes on as it is
#endif
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
    if (line->templates) {
        std::fputs(media::template_table(config->media).c_str(), stdout);
        gst_deinit();
        return EXIT_SUCCESS;
    }
    GlibScheduler scheduler(g_main_context_default());
    const auto ended = line->check ? check(*config, scheduler) : serve(*config, scheduler);
    if (!ended)
        return complain(ended.error());
    if (line->check)
        std::puts("ok");
    gst_deinit();
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace sluice::app

int main(int argc, char** argv) {
    sluice::app::do_without_slices(argv);
    return sluice::app::run(argc, argv);
}
