#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <libsoup/soup.h>

#include "base/scheduler.h"
#include "http/object.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/source.h"
#include "http/tokens.h"

namespace sluice::http {

/// One connection, its one request, and the answer that is owed to it: Reading -> Handling -> Answered, or
/// Reading -> Answered when the request is refused before it has come whole. The log gets one line for each
/// answer.
///
/// libsoup reads the request; the answer leaves by hang_up(). libsoup 3.2 leaks each connection that its
/// client closes between two requests (3.3.0 does not, commit d20c6601), reads a body to its end however
/// large it is, and closes with a reset what has unread bytes in it.
///
/// An exchange ends with its SoupServerMessage: answered, or with its connection lost, which libsoup notices
/// while it reads, but not while it waits for an answer. Whoever answers later holds it weakly. Scheduler
/// thread only.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    struct Limits {
        size_t body_bytes;
        std::chrono::milliseconds read;      ///< For the whole request to arrive; then 408.
        std::chrono::milliseconds deadline;  ///< From then to the answer; then 504.
    };

    /// Attaches one to `message`, which is about to be read from `stream`. `busy` counts the calls in hand
    /// and the answers on their way.
    static std::weak_ptr<Exchange> begin(SoupServerMessage* message, GIOStream* stream,
                                         const Scheduler& scheduler, Limits limits,
                                         std::shared_ptr<size_t> busy);
    static Exchange& of(SoupServerMessage* message);
    Exchange(SoupServerMessage* message, GIOStream* stream, const Scheduler& scheduler, Limits limits,
             std::shared_ptr<size_t> busy);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// The headers have come: finds the route; refuses strangers and a body that says itself that it is too
    /// large.
    void headers_read(const Tokens& tokens);
    /// A part of the body has come, which libsoup keeps.
    void chunk_read(size_t bytes);
    /// The request has come whole: runs its route. While the rooms are draining only what is open to all.
    void handle(rooms::Rooms& rooms);
    /// Answers, if nothing has been answered yet, that the server is draining.
    void refuse();

private:
    enum class State { Reading, Handling, Answered };

    /// The first answer counts; a later one is ignored.
    void answer(const Response& response);
    std::vector<Header> headers_of(const Response& response) const;
    void write_log(unsigned status) const;

    SoupServerMessage* const message_;
    Object<GIOStream> stream_;
    const Scheduler& scheduler_;
    const Limits limits_;
    State state_ = State::Reading;
    size_t body_bytes_ = 0;
    std::string id_;  ///< X-Request-Id: the client's, or one of ours.
    Scheduler::Duration started_{0};
    Match match_;
    Source limit_;
    const std::shared_ptr<size_t> busy_;
};

}  // namespace sluice::http
