#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <libsoup/soup.h>

#include "base/scheduler.h"
#include "http/object.h"
#include "http/problem.h"
#include "http/routes.h"
#include "http/tokens.h"

namespace sluice::http {

/// One request and the answer that is owed to it: Reading -> Handling -> Answered, or Reading -> Answered
/// when it is refused before it has come whole. The log gets one line for each answer.
///
/// It lives as long as its SoupServerMessage, that is until the answer has been sent or the connection is
/// lost. Whoever answers later holds it weakly. Scheduler thread only.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    struct Limits {
        size_t body_bytes;
        std::chrono::milliseconds read;      ///< For the whole request to arrive; then 408.
        std::chrono::milliseconds deadline;  ///< From then to the answer; then 504.
    };

    /// Attaches one to `message`, which is about to be read.
    static std::shared_ptr<Exchange> begin(SoupServerMessage* message, const Scheduler& scheduler,
                                           Limits limits);
    static Exchange& of(SoupServerMessage* message);
    Exchange(SoupServerMessage* message, const Scheduler& scheduler, Limits limits);
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// The headers have come: finds the route, and refuses a stranger and a body that is too long by its own
    /// account.
    void headers_read(const Tokens& tokens);
    /// The request has come whole: runs its route, and `ended` when this exchange is over.
    void handle(rooms::Rooms& rooms, std::function<void()> ended);

private:
    enum class State { Reading, Handling, Answered };

    void chunk_read(size_t bytes);
    /// Answers before the body has come. A body that is on its way is thrown away, and the connection with
    /// it.
    void refuse(const Response& response);
    /// The first answer counts; a later one is ignored.
    void answer(const Response& response);
    void write_log(unsigned status) const;

    SoupServerMessage* const message_;
    const Scheduler& scheduler_;
    const Limits limits_;
    State state_ = State::Reading;
    bool paused_ = false;
    size_t body_bytes_ = 0;
    std::string id_;  ///< X-Request-Id: the client's, or one of ours.
    Scheduler::Duration started_{0};
    Match match_;
    Source limit_;
    std::function<void()> ended_;
};

}  // namespace sluice::http
