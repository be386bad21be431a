#include "http/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <utility>

#include "base/log.h"
#include "http/source.h"

namespace sluice::http {
namespace {

constexpr std::chrono::seconds kPauseAfterError{1};

Error taken(GError* error) {
    const glib::OwnedError owned(error);
    return {ErrorCode::Internal, error->message};
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<State> {
    Object<GSocket> socket;
    Object<GTlsCertificate> certificate;
    std::chrono::seconds handshake_limit;
    OnConnection on_connection;
    size_t connections = 0;
    Source watch;  ///< On the socket, or a pause after an error; none while kMaxConnections are open.

    void listen() {
        const GSocketSourceFunc ready = [](GSocket*, GIOCondition, gpointer self) -> gboolean {
            static_cast<State*>(self)->accept();
            return G_SOURCE_CONTINUE;
        };
        watch.reset(g_socket_create_source(socket.get(), G_IO_IN, nullptr));
        g_source_set_callback(watch.get(), G_SOURCE_FUNC(ready), this, nullptr);
        g_source_attach(watch.get(), g_main_context_get_thread_default());
    }

    void accept() {
        GError* found = nullptr;
        const Object<GSocket> accepted(g_socket_accept(socket.get(), nullptr, &found));
        if (accepted)
            return admit(accepted.get());
        const glib::OwnedError error(found);
        if (g_error_matches(found, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            return;
        log::warning("a connection could not be accepted", {{"reason", found->message}});
        watch = timer(kPauseAfterError, [this] { listen(); });
    }

    void admit(GSocket* accepted) {
        g_socket_set_option(accepted, IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
        const Object<GSocketConnection> connection(g_socket_connection_factory_create_connection(accepted));
        if (++connections == kMaxConnections)
            watch.reset();
        using Weak = std::weak_ptr<State>;
        g_object_weak_ref(
            G_OBJECT(connection.get()),
            [](gpointer data, GObject*) {
                const std::unique_ptr<Weak> weak(static_cast<Weak*>(data));
                if (const auto self = weak->lock())
                    self->released();
            },
            std::make_unique<Weak>(weak_from_this()).release());
        if (certificate)
            shake_hands(connection.get());
        else
            on_connection(G_IO_STREAM(connection.get()), connection.get());
    }

    void released() {
        if (connections-- == kMaxConnections)
            listen();
    }

    struct Handshake {
        std::weak_ptr<State> listener;
        Object<GSocketConnection> connection;
        Object<GCancellable> cancellable{g_cancellable_new()};
        Source limit;
    };

    void shake_hands(GSocketConnection* connection) {
        // g_tls_server_connection_new(), but without the system's roots, since no client has to show a
        // certificate: glib-networking's gnutls (2.74, and 2.90 too) would read all of them here, each time.
        const Object<GIOStream> tls(static_cast<GIOStream*>(g_initable_new(
            g_tls_backend_get_server_connection_type(g_tls_backend_get_default()), nullptr, nullptr,
            "base-io-stream", connection, "certificate", certificate.get(), "database", nullptr, nullptr)));
        if (!tls)
            return;
        auto handshake = std::make_unique<Handshake>();
        handshake->listener = weak_from_this();
        handshake->connection = retain(connection);
        GCancellable* cancellable = handshake->cancellable.get();
        handshake->limit = timer(handshake_limit, [cancellable] { g_cancellable_cancel(cancellable); });
        g_tls_connection_handshake_async(
            G_TLS_CONNECTION(tls.get()), G_PRIORITY_DEFAULT, cancellable,
            [](GObject* source, GAsyncResult* result, gpointer data) {
                const std::unique_ptr<Handshake> done(static_cast<Handshake*>(data));
                const bool agreed =
                    g_tls_connection_handshake_finish(G_TLS_CONNECTION(source), result, nullptr);
                if (const auto listener = done->listener.lock(); listener && agreed)
                    listener->on_connection(G_IO_STREAM(source), done->connection.get());
            },
            handshake.release());
    }
};

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Listener>> Listener::open(GInetAddress* address, uint16_t port,
                                                 GTlsCertificate* certificate,
                                                 std::chrono::seconds handshake_limit,
                                                 OnConnection on_connection) {
    auto state = std::make_shared<State>();
    GError* error = nullptr;
    state->socket.reset(g_socket_new(g_inet_address_get_family(address), G_SOCKET_TYPE_STREAM,
                                     G_SOCKET_PROTOCOL_TCP, &error));
    if (!state->socket)
        return taken(error);
    g_socket_set_blocking(state->socket.get(), FALSE);
    g_socket_set_listen_backlog(state->socket.get(), SOMAXCONN);
    const Object<GSocketAddress> at(g_inet_socket_address_new(address, port));
    if (!g_socket_bind(state->socket.get(), at.get(), TRUE, &error) ||
        !g_socket_listen(state->socket.get(), &error))
        return taken(error);
    if (certificate)
        state->certificate = retain(certificate);
    state->handshake_limit = handshake_limit;
    state->on_connection = std::move(on_connection);
    state->listen();
    return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
    state_->watch.reset();
    g_socket_close(state_->socket.get(), nullptr);
}

uint16_t Listener::port() const {
    const Object<GSocketAddress> address(g_socket_get_local_address(state_->socket.get(), nullptr));
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get()));
}

}  // namespace sluice::http
