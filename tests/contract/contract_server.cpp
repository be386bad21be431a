// The REST contract on real rooms and fake media, for the tests in this folder.
//
// Prints "port N" when it listens. SIGTERM ends it as it ends the server. --routes prints the table of routes
// instead. An error of Server::listen is printed, with exit status 2.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <glib.h>

#include "app/stop.h"
#include "base/glib_scheduler.h"
#include "fake_engine.h"
#include "http/routes.h"
#include "http/server.h"
#include "rooms/rooms.h"

using namespace sluice;

int main(int argc, char** argv) {
    g_autofree char* address = nullptr;
    g_auto(GStrv) tokens = nullptr;
    g_autofree char* certificate = nullptr;
    g_autofree char* key = nullptr;
    int body_limit = 1 << 20;
    int deadline_s = 15;
    int read_limit_s = 30;
    int port = 0;
    int users_per_room = 100;
    int connections = 2000;
    gboolean insecure = FALSE;
    gboolean print_routes = FALSE;
    const GOptionEntry entries[] = {
        {"address", 0, 0, G_OPTION_ARG_STRING, &address, nullptr, nullptr},
        {"port", 0, 0, G_OPTION_ARG_INT, &port, nullptr, nullptr},
        {"token", 0, 0, G_OPTION_ARG_STRING_ARRAY, &tokens, nullptr, nullptr},
        {"tls-certificate", 0, 0, G_OPTION_ARG_STRING, &certificate, nullptr, nullptr},
        {"tls-key", 0, 0, G_OPTION_ARG_STRING, &key, nullptr, nullptr},
        {"body-limit", 0, 0, G_OPTION_ARG_INT, &body_limit, nullptr, nullptr},
        {"deadline", 0, 0, G_OPTION_ARG_INT, &deadline_s, nullptr, nullptr},
        {"read-limit", 0, 0, G_OPTION_ARG_INT, &read_limit_s, nullptr, nullptr},
        {"users-per-room", 0, 0, G_OPTION_ARG_INT, &users_per_room, nullptr, nullptr},
        {"connections", 0, 0, G_OPTION_ARG_INT, &connections, nullptr, nullptr},
        {"insecure", 0, 0, G_OPTION_ARG_NONE, &insecure, nullptr, nullptr},
        {"routes", 0, 0, G_OPTION_ARG_NONE, &print_routes, nullptr, nullptr},
        {}};
    GOptionContext* context = g_option_context_new(nullptr);
    g_option_context_add_main_entries(context, entries, nullptr);
    const bool parsed = g_option_context_parse(context, &argc, &argv, nullptr);
    g_option_context_free(context);
    if (!parsed)
        return 2;
    if (print_routes) {
        for (const auto& route : http::routes())
            std::printf("%s %s\n", std::string(route.method).c_str(), std::string(route.pattern).c_str());
        return 0;
    }

    http::Options options;
    if (address)
        options.address = address;
    options.port = static_cast<uint16_t>(port);
    for (char** token = tokens; token && *token; token++) options.tokens.emplace_back(*token);
    options.tls_certificate = certificate ? certificate : "";
    options.tls_key = key ? key : "";
    options.insecure = insecure;
    options.body_limit_bytes = static_cast<size_t>(body_limit);
    options.read_limit = std::chrono::seconds(read_limit_s);
    options.deadline = std::chrono::seconds(deadline_s);

    g_autoptr(GMainLoop) loop = g_main_loop_new(nullptr, FALSE);
    GlibScheduler scheduler(g_main_context_default());
    test::FakeEngine engine(scheduler);
    rooms::Rooms rooms(
        scheduler, engine,
        rooms::Limits{1000, static_cast<size_t>(users_per_room), static_cast<size_t>(connections)});
    const auto server = http::Server::listen(scheduler, rooms, options);
    if (!server) {
        std::printf("%s\n", server.error().message.c_str());
        return 2;
    }
    const app::Stop stop(scheduler, rooms, **server, engine, [loop] { g_main_loop_quit(loop); });
    std::printf("port %d\n", (*server)->port());
    std::fflush(stdout);
    g_main_loop_run(loop);
    // What the calls in hand still owe is answered in the last tasks.
    while (g_main_context_iteration(nullptr, FALSE)) {
    }
}
