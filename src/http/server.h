#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scheduler.h"
#include "rooms/rooms.h"

namespace sluice::http {

/// http.* of the configuration.
struct Options {
    std::string address = "127.0.0.1";
    uint16_t port = 8080;             ///< 0: any free one (tests).
    std::vector<std::string> tokens;  ///< Any of them opens every route; empty: no authentication.
    std::string tls_certificate;      ///< PEM files; both or neither.
    std::string tls_key;
    bool insecure = false;  ///< Allows a non-loopback address without tokens.
    size_t body_limit_bytes = 1 << 20;
    std::chrono::seconds read_limit{
        30};                            ///< For a TLS handshake, and for a request to arrive whole; then 408.
    std::chrono::seconds deadline{15};  ///< A deferred reply that is later is 504.
};

/// The REST contract on a SoupServer. Scheduler thread only.
class Server {
public:
    /// Listens. An error names the key of the configuration and the system's reason.
    static Result<std::unique_ptr<Server>> listen(Scheduler& scheduler, rooms::Rooms& rooms,
                                                  const Options& options);
    ~Server();
    uint16_t port() const;
    /// Calls in hand, and answers that have not left yet.
    size_t busy() const;
    /// Answers calls in hand and requests half read with 503. Further calls go on.
    void refuse();
    /// Takes no more connections, and refuses what is left; the last thing to call.
    void close();

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::http
