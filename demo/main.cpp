// sluice-demo: what a backend does for sluice, in as little code as possible.
//
//   browser  --- page, WebSocket --->  sluice-demo  --- REST --->  sluice
//
// This file serves the page and opens the WebSockets; backend.h has the protocol.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include <glib-unix.h>
#include <libsoup/soup.h>

#include "backend.h"
#include "sluice.h"

namespace demo {
namespace {

constexpr guint kEndSeconds = 2;  // how long the end waits for sluice

[[noreturn]] void give_up(const std::string& why) {
    g_printerr("sluice-demo: %s\n", why.c_str());
    exit(EXIT_FAILURE);
}

struct Options {
    const char* address = "127.0.0.1";
    int port = 8081;
    const char* sluice = "http://127.0.0.1:8080";
    const char* token_file = nullptr;
};

Options read_options(int argc, char** argv) {
    static Options options;  // the strings live as long as the program
    const GOptionEntry entries[] = {
        {"listen-address", 0, 0, G_OPTION_ARG_STRING, &options.address, "Listen here (127.0.0.1)", "ADDRESS"},
        {"port", 0, 0, G_OPTION_ARG_INT, &options.port, "and here, 0 for any (8081)", "PORT"},
        {"sluice", 0, 0, G_OPTION_ARG_STRING, &options.sluice, "sluice (http://127.0.0.1:8080)", "URL"},
        {"token", 0, 0, G_OPTION_ARG_FILENAME, &options.token_file, "File with a token for it", "FILE"},
        {},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- a small backend and page for sluice");
    g_option_context_add_main_entries(context, entries, nullptr);
    g_autoptr(GError) error = nullptr;
    if (!g_option_context_parse(context, &argc, &argv, &error))
        give_up(error->message);
    if (argc > 1)
        give_up(std::string("unknown argument ") + argv[1]);
    if (options.port < 0 || options.port > G_MAXUINT16)
        give_up("--port takes 0 to 65535, not " + std::to_string(options.port));
    if (!g_uri_is_valid(options.sluice, G_URI_FLAGS_NONE, nullptr) ||
        !g_str_has_prefix(options.sluice, "http"))
        give_up(std::string("--sluice takes a URL such as http://127.0.0.1:8080, not ") + options.sluice);
    return options;
}

/// Of a file such as sluice's own: one token a line, and comments.
std::string read_token(const char* path) {
    if (!path)
        return "";
    g_autofree char* text = nullptr;
    g_autoptr(GError) error = nullptr;
    if (!g_file_get_contents(path, &text, nullptr, &error))
        give_up(error->message);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char** line = lines; *line; line++) {
        const std::string token = g_strstrip(*line);
        if (!token.empty() && token.front() != '#')
            return token;
    }
    give_up(std::string("--token: there is no token in ") + path);
}

/// The page is compiled into the program (page.gresource.xml).
void on_page(SoupServer*, SoupServerMessage* message, const char* path, GHashTable*, gpointer) {
    static const std::map<std::string, const char*> types{{".html", "text/html; charset=utf-8"},
                                                          {".css", "text/css; charset=utf-8"},
                                                          {".js", "text/javascript; charset=utf-8"},
                                                          {".svg", "image/svg+xml"}};
    const std::string name = path == std::string("/") ? "/index.html" : path;
    g_autoptr(GBytes) bytes = g_resources_lookup_data(name.c_str(), G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr);
    const auto type = types.find(name.substr(std::min(name.rfind('.'), name.size())));
    if (!bytes || type == types.end())
        return soup_server_message_set_status(message, SOUP_STATUS_NOT_FOUND, nullptr);
    SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
    soup_message_headers_append(headers, "Cache-Control", "no-cache");
    soup_message_headers_set_content_type(headers, type->second, nullptr);
    soup_message_body_append_bytes(soup_server_message_get_response_body(message), bytes);
    soup_server_message_set_status(message, SOUP_STATUS_OK, nullptr);
}

/// A page of another site could join rooms here by its visitors' browsers, which tell us whose page it is.
void check_origin(SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer) {
    SoupMessageHeaders* headers = soup_server_message_get_request_headers(message);
    const char* origin = soup_message_headers_get_one(headers, "Origin");
    const char* host = soup_message_headers_get_one(headers, "Host");
    if (origin && !std::string(origin).ends_with(std::string("://") + (host ? host : "")))
        soup_server_message_set_status(message, SOUP_STATUS_FORBIDDEN, nullptr);
}

void on_websocket(SoupServer*, SoupServerMessage*, const char*, SoupWebsocketConnection* socket,
                  gpointer backend) {
    static_cast<Backend*>(backend)->on_open(socket);
}

std::string listen(SoupServer* server, const Options& options) {
    g_autoptr(GSocketAddress) address =
        g_inet_socket_address_new_from_string(options.address, static_cast<guint>(options.port));
    if (!address)
        give_up(std::string("--listen-address takes an IP address, not ") + options.address);
    g_autoptr(GError) error = nullptr;
    if (!soup_server_listen(server, address, static_cast<SoupServerListenOptions>(0), &error))
        give_up(error->message);
    GSList* uris = soup_server_get_uris(server);
    g_autofree char* uri = g_uri_to_string(static_cast<GUri*>(uris->data));
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
    return uri;
}

/// SIGINT or SIGTERM: the rooms are deleted, so that sluice keeps nobody who cannot come back.
struct Ending {
    Backend& backend;
    GMainLoop* loop;

    static gboolean begin(gpointer data) {
        auto* self = static_cast<Ending*>(data);
        g_timeout_add_seconds(kEndSeconds, quit, self);
        self->backend.close([self] { quit(self); });
        return G_SOURCE_CONTINUE;
    }
    static gboolean quit(gpointer data) {
        g_main_loop_quit(static_cast<Ending*>(data)->loop);
        return G_SOURCE_REMOVE;
    }
};

int run(int argc, char** argv) {
    const Options options = read_options(argc, argv);
    Sluice sluice(options.sluice, read_token(options.token_file));
    Backend backend(sluice);
    g_autoptr(SoupServer) server = soup_server_new("server-header", "sluice-demo ", nullptr);
    soup_server_add_handler(server, nullptr, on_page, nullptr, nullptr);
    soup_server_add_early_handler(server, "/ws", check_origin, nullptr, nullptr);
    soup_server_add_websocket_handler(server, "/ws", nullptr, nullptr, on_websocket, &backend, nullptr);
    const std::string uri = listen(server, options);

    g_autoptr(GMainLoop) loop = g_main_loop_new(nullptr, FALSE);
    Ending ending{backend, loop};
    g_unix_signal_add(SIGINT, Ending::begin, &ending);
    g_unix_signal_add(SIGTERM, Ending::begin, &ending);
    g_print("sluice-demo: %s (sluice: %s)\n", uri.c_str(), options.sluice);
    g_main_loop_run(loop);
    soup_server_disconnect(server);
    return EXIT_SUCCESS;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
    return demo::run(argc, argv);
}
