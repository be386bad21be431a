#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <gio/gio.h>

#include "base/result.h"
#include "http/object.h"

namespace sluice::http {

/// Accepts TCP connections, at most kMaxConnections at a time (others wait in the system's queue), and wraps
/// them in TLS when there is a certificate.
///
/// Not SoupServer's own listener: 3.2 stops listening for good when one accept() fails (no descriptor left,
/// say). Scheduler thread only.
class Listener {
public:
    using OnConnection = std::function<void(GIOStream* stream, GSocketConnection* socket)>;
    static constexpr size_t kMaxConnections = 500;

    /// `certificate` may be null: no TLS. An error is the system's reason.
    static Result<std::unique_ptr<Listener>> open(GInetAddress* address, uint16_t port,
                                                  GTlsCertificate* certificate,
                                                  std::chrono::seconds handshake_limit,
                                                  OnConnection on_connection);
    /// Nothing is accepted any more; what has been handed on lives on.
    ~Listener();

    uint16_t port() const;

private:
    struct State;
    explicit Listener(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace sluice::http
