#include "http/server.h"

#include <utility>

#include <libsoup/soup.h>

#include "http/exchange.h"
#include "http/listener.h"
#include "http/object.h"
#include "http/tokens.h"

namespace sluice::http {
namespace {

Error wrong(std::string message) {
    return {ErrorCode::InvalidArgument, std::move(message)};
}

Result<Object<GInetAddress>> parse_address(const Options& options) {
    Object<GInetAddress> address(g_inet_address_new_from_string(options.address.c_str()));
    if (!address)
        return wrong("http.address: '" + options.address + "' is not an IP address");
    if (options.tokens.empty() && !options.insecure && !g_inet_address_get_is_loopback(address.get()))
        return wrong("http.address: " + options.address +
                     " can be reached from outside, so http.tokens must name a file with at least one token "
                     "(http.insecure=true does without)");
    return address;
}

/// Null when TLS is not wanted.
Result<Object<GTlsCertificate>> load_certificate(const Options& options) {
    if (options.tls_certificate.empty() && options.tls_key.empty())
        return Object<GTlsCertificate>();
    if (options.tls_certificate.empty())
        return wrong("http.tls-certificate: is missing, but http.tls-key is there");
    if (options.tls_key.empty())
        return wrong("http.tls-key: is missing, but http.tls-certificate is there");
    GError* error = nullptr;
    Object<GTlsCertificate> certificate(
        g_tls_certificate_new_from_files(options.tls_certificate.c_str(), options.tls_key.c_str(), &error));
    if (certificate)
        return certificate;
    const glib::OwnedError owned(error);
    return wrong("http.tls-certificate, http.tls-key: " + options.tls_certificate + ", " + options.tls_key +
                 ": " + error->message);
}

}  // namespace

struct Server::State {
    State(Scheduler& scheduler_in, rooms::Rooms& rooms_in, const Options& options)
        : scheduler(scheduler_in),
          rooms(rooms_in),
          tokens(options.tokens),
          limits{options.body_limit_bytes, options.read_limit, options.deadline} {}

    Scheduler& scheduler;
    rooms::Rooms& rooms;
    const Tokens tokens;
    const Exchange::Limits limits;
    Object<SoupServer> soup;
    std::unique_ptr<Listener> listener;  ///< None once closed.
    GIOStream* connecting = nullptr;     ///< The connection whose request libsoup announces, while it does.
    std::vector<std::weak_ptr<Exchange>> exchanges;
    const std::shared_ptr<size_t> busy = std::make_shared<size_t>(0);

    Status listen(const Options& options) {
        auto address = parse_address(options);
        if (!address)
            return address.error();
        auto certificate = load_certificate(options);
        if (!certificate)
            return certificate.error();
        auto opened =
            Listener::open(address->get(), options.port, certificate->get(), options.read_limit,
                           [this](GIOStream* stream, GSocketConnection* socket) { connect(stream, socket); });
        if (!opened)
            return wrong("http.address, http.port: cannot listen on " + options.address + " port " +
                         std::to_string(options.port) + ": " + opened.error().message);
        listener = std::move(*opened);
        serve();
        return Ok{};
    }

    void serve() {
        soup.reset(soup_server_new("raw-paths", TRUE, nullptr));
        g_signal_connect(soup.get(), "request-started",
                         G_CALLBACK(+[](SoupServer*, SoupServerMessage* message, gpointer data) {
                             static_cast<State*>(data)->begin(message);
                         }),
                         this);
        soup_server_add_early_handler(
            soup.get(), nullptr,
            [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer data) {
                Exchange::of(message).headers_read(static_cast<State*>(data)->tokens);
            },
            this, nullptr);
        soup_server_add_handler(
            soup.get(), nullptr,
            [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer data) {
                Exchange::of(message).handle(static_cast<State*>(data)->rooms);
            },
            this, nullptr);
    }

    void connect(GIOStream* stream, GSocketConnection* socket) {
        const Object<GSocketAddress> local(g_socket_connection_get_local_address(socket, nullptr));
        const Object<GSocketAddress> remote(g_socket_connection_get_remote_address(socket, nullptr));
        if (!local || !remote)
            return;  // The client has gone already.
        connecting = stream;
        soup_server_accept_iostream(soup.get(), stream, local.get(), remote.get(), nullptr);
        connecting = nullptr;
    }

    void begin(SoupServerMessage* message) {
        std::erase_if(exchanges, [](const auto& exchange) { return exchange.expired(); });
        exchanges.push_back(Exchange::begin(message, connecting, scheduler, limits, busy));
        g_signal_connect(message, "got-chunk",
                         G_CALLBACK(+[](SoupServerMessage* from, GBytes* chunk, gpointer) {
                             Exchange::of(from).chunk_read(g_bytes_get_size(chunk));
                         }),
                         nullptr);
    }
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::listen(Scheduler& scheduler, rooms::Rooms& rooms,
                                               const Options& options) {
    auto state = std::make_unique<State>(scheduler, rooms, options);
    if (auto status = state->listen(options); !status)
        return status.error();
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
    state_->listener.reset();
    soup_server_disconnect(state_->soup.get());
}

uint16_t Server::port() const {
    return state_->listener->port();
}

size_t Server::busy() const {
    return *state_->busy;
}

void Server::refuse() {
    for (const auto& weak : state_->exchanges)
        if (const auto exchange = weak.lock())
            exchange->refuse();
}

void Server::close() {
    state_->listener.reset();
    refuse();
}

}  // namespace sluice::http
