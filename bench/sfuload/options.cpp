#include "sfuload/options.h"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <glib.h>

namespace sluice::load {
namespace {

constexpr int kWrongUsage = 2;
constexpr std::array kScenarios{"fanout", "rooms", "churn"};

[[noreturn]] void give_up(const std::string& why) {
    g_printerr("sfuload: %s\n", why.c_str());
    exit(kWrongUsage);
}

/// What the command line says, as GLib reads it.
struct Words {
    char* api = nullptr;
    char* url = nullptr;
    char* token_file = nullptr;
    char* address = nullptr;
    char* json_file = nullptr;
    int producers = 1, consumers = 10, rooms = 2, users = 5, kbps = 1000, fps = 30, check_every = 50,
        server_pid = 0;
    double join_rate = 25, churn_rate = 5, hold = 5, duration = 20, settle = 3, setup_limit = 30;
    gboolean consumers_first = FALSE, no_audio = FALSE, no_video = FALSE, quiet = FALSE;

    ~Words() {
        for (char* word : {api, url, token_file, address, json_file}) g_free(word);
    }
};

template <typename T>
void check(const char* option, T value, T min, T max) {
    if (value >= min && value <= max)
        return;
    const auto text = [](T number) {
        const glib::OwnedString shown(g_strdup_printf("%g", double(number)));
        return std::string(shown.get());
    };
    give_up(std::string("--") + option + " takes " + text(min) + " to " + text(max) + ", not " + text(value));
}

std::string contents_of(const char* path) {
    char* text = nullptr;
    GError* error = nullptr;
    if (!g_file_get_contents(path, &text, nullptr, &error))
        give_up(std::string("--token: ") + error->message);
    const glib::OwnedString owned(text);
    return g_strstrip(owned.get());
}

bool is_on_loopback(const std::string& url) {
    const glib::Owned<GUri, g_uri_unref> uri(g_uri_parse(url.c_str(), G_URI_FLAGS_NONE, nullptr));
    const char* host = uri ? g_uri_get_host(uri.get()) : nullptr;
    if (!host || (!url.starts_with("http://") && !url.starts_with("https://")))
        give_up("--url takes a URL such as http://127.0.0.1:8080, not " + url);
    return std::string_view(host) == "localhost" || std::string_view(host) == "::1" ||
           std::string_view(host).starts_with("127.");
}

peer::Time seconds(double value) {
    return peer::Time(int64_t(value * 1e9));
}

Scenario scenario_of(int argc, char** argv) {
    if (argc == 2)
        for (size_t i = 0; i < kScenarios.size(); i++)
            if (std::string_view(argv[1]) == kScenarios[i])
                return Scenario(i);
    if (argc < 2)
        give_up("name a scenario: fanout, rooms or churn (--help shows all options)");
    give_up(std::string("the scenario is fanout, rooms or churn, not ") + argv[argc > 2 ? 2 : 1]);
}

}  // namespace

const char* to_string(Scenario scenario) {
    return kScenarios[size_t(scenario)];
}

Options read_options(int argc, char** argv) {
    Words w;
    const GOptionEntry server[] = {
        {"url", 0, 0, G_OPTION_ARG_STRING, &w.url, "The server (http://127.0.0.1:8080)", "URL"},
        {"api", 0, 0, G_OPTION_ARG_STRING, &w.api, "sluice or janus (sluice)", "API"},
        {"token", 0, 0, G_OPTION_ARG_FILENAME, &w.token_file, "File with a bearer token for it", "FILE"},
        {"server-pid", 0, 0, G_OPTION_ARG_INT, &w.server_pid, "Its process, to be measured too", "PID"},
        {"address", 0, 0, G_OPTION_ARG_STRING, &w.address,
         "Local IPv4 address for media (127.0.0.1, which keeps all traffic on this machine)", "ADDRESS"},
        {},
    };
    const GOptionEntry load[] = {
        {"producers", 0, 0, G_OPTION_ARG_INT, &w.producers, "fanout, churn: who send (1)", "N"},
        {"consumers", 0, 0, G_OPTION_ARG_INT, &w.consumers, "fanout, churn: who receive all of them (10)",
         "N"},
        {"consumers-first", 0, 0, G_OPTION_ARG_NONE, &w.consumers_first,
         "fanout, churn: the consumers join first, and wait for the producers", nullptr},
        {"rooms", 0, 0, G_OPTION_ARG_INT, &w.rooms, "rooms: how many (2)", "N"},
        {"users", 0, 0, G_OPTION_ARG_INT, &w.users, "rooms: in each, who send and receive all others (5)",
         "N"},
        {"join-rate", 0, 0, G_OPTION_ARG_DOUBLE, &w.join_rate, "Users who come in a second (25)", "N"},
        {"churn-rate", 0, 0, G_OPTION_ARG_DOUBLE, &w.churn_rate,
         "churn: users who come and go in a second, beside the consumers (5)", "N"},
        {"hold", 0, 0, G_OPTION_ARG_DOUBLE, &w.hold, "churn: how long each of them stays (5)", "SECONDS"},
        {"duration", 0, 0, G_OPTION_ARG_DOUBLE, &w.duration, "How long is measured (20)", "SECONDS"},
        {"settle", 0, 0, G_OPTION_ARG_DOUBLE, &w.settle, "Not measured, after all have come (3)", "SECONDS"},
        {"setup-limit", 0, 0, G_OPTION_ARG_DOUBLE, &w.setup_limit,
         "How long the last is waited for, until it has media (30)", "SECONDS"},
        {"kbps", 0, 0, G_OPTION_ARG_INT, &w.kbps, "Bit rate of a producer's video (1000)", "N"},
        {"fps", 0, 0, G_OPTION_ARG_INT, &w.fps, "Its frames a second (30)", "N"},
        {"no-audio", 0, 0, G_OPTION_ARG_NONE, &w.no_audio, "Video alone", nullptr},
        {"no-video", 0, 0, G_OPTION_ARG_NONE, &w.no_video, "Audio alone", nullptr},
        {"check-every", 0, 0, G_OPTION_ARG_INT, &w.check_every,
         "Each so-many-th consumer decrypts and checks all, others the ends of packets (50; 0: none)", "N"},
        {},
    };
    const GOptionEntry output[] = {
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &w.json_file, "Write the report as JSON too; - is stdout",
         "FILE"},
        {"quiet", 0, 0, G_OPTION_ARG_NONE, &w.quiet, "Show no progress", nullptr},
        {},
    };
    const glib::Owned<GOptionContext, g_option_context_free> context(
        g_option_context_new("fanout|rooms|churn - a load of WebRTC users for a media server"));
    for (const auto* entries : {server, load, output})
        g_option_context_add_main_entries(context.get(), entries, nullptr);
    g_option_context_set_description(context.get(),
                                     "fanout  producers, and consumers who receive each of them\n"
                                     "rooms   rooms in which everybody sends and receives everybody else\n"
                                     "churn   fanout, with more users who come and go\n\n"
                                     "Exit status: 0; 1 for an error; 2 for wrong usage; 3 if a consumer got "
                                     "no media. Ctrl-C ends the load early\n"
                                     "and takes its users out of the server.\n");
    GError* error = nullptr;
    if (!g_option_context_parse(context.get(), &argc, &argv, &error))
        give_up(error->message);

    constexpr int kUsers = 10'000;
    check("producers", w.producers, 1, 100);
    check("consumers", w.consumers, 1, kUsers);
    check("rooms", w.rooms, 1, 1000);
    check("users", w.users, 2, 100);
    check("join-rate", w.join_rate, 0.1, 1000.0);
    check("churn-rate", w.churn_rate, 0.1, 1000.0);
    check("hold", w.hold, 0.1, 600.0);
    check("duration", w.duration, 1.0, 3600.0);
    check("settle", w.settle, 0.0, 600.0);
    check("setup-limit", w.setup_limit, 1.0, 600.0);
    check("kbps", w.kbps, 10, 20'000);
    check("fps", w.fps, 1, 120);
    check("check-every", w.check_every, 0, kUsers);
    check("server-pid", w.server_pid, 0, std::numeric_limits<int>::max());
    if (w.no_audio && w.no_video)
        give_up("--no-audio and --no-video together leave nothing to send");
    const std::string api = w.api ? w.api : "sluice";
    if (api != "sluice" && api != "janus")
        give_up("--api takes sluice or janus, not " + api);

    Options options;
    options.scenario = scenario_of(argc, argv);
    options.janus = api == "janus";
    if (w.url)
        options.target.url = w.url;
    while (options.target.url.ends_with('/')) options.target.url.pop_back();
    if (w.token_file)
        options.target.token = contents_of(w.token_file);
    if (w.address && inet_pton(AF_INET, w.address, &options.address) != 1)
        give_up(std::string("--address takes an IPv4 address, not ") + w.address);
    if (!is_on_loopback(options.target.url) && options.address.s_addr == peer::loopback().s_addr)
        give_up("the server at " + options.target.url +
                " is elsewhere: name this machine's address for media by --address");
    options.producers = w.producers;
    options.consumers = w.consumers;
    options.consumers_first = w.consumers_first;
    options.rooms = w.rooms;
    options.users = w.users;
    options.join_rate = w.join_rate;
    options.churn_rate = w.churn_rate;
    options.hold = seconds(w.hold);
    options.duration = seconds(w.duration);
    options.settle = seconds(w.settle);
    options.setup_limit = seconds(w.setup_limit);
    options.audio = !w.no_audio;
    options.video = !w.no_video;
    options.media = {.video_bps = unsigned(w.kbps) * 1000,
                     .frames_per_second = unsigned(w.fps),
                     .spread = 0.4,
                     .key_frame_interval = std::chrono::seconds(10)};
    options.check_every = w.check_every;
    options.server_pid = w.server_pid;
    options.json_file = w.json_file ? w.json_file : "";
    options.quiet = w.quiet;
    return options;
}

}  // namespace sluice::load
