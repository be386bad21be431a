#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include <libsoup/soup.h>

#include "json.h"

namespace demo {

/// What sluice answered: its JSON, or its problem+json. When sluice could not be reached, the same in our
/// words.
struct Reply {
    bool ok = false;
    Json body;  ///< Never null. With !ok it has `status`, `title` and `detail`.
};
Reply problem(int status, const char* title, const std::string& detail);

/// The REST side. Asynchronous, on the default main context; outlives the main loop.
class Sluice {
public:
    /// `token` may be empty.
    Sluice(std::string url, std::string token);
    ~Sluice();
    Sluice(const Sluice&) = delete;
    Sluice& operator=(const Sluice&) = delete;

    using Done = std::function<void(Reply)>;
    /// Calls of one lane are made one after the other, the next when `done` of the one before has returned:
    /// so what is sent to the browsers from `done` has the order of sluice's answers. `body` may be null.
    void call(const std::string& lane, std::string method, std::string path, Json body, Done done);

private:
    struct Call {
        std::string method;
        std::string path;
        Json body;
        Done done;
    };
    void start(const std::string& lane);

    std::string url_;
    const std::string token_;
    SoupSession* session_;
    std::map<std::string, std::deque<Call>> lanes_;  ///< The first of each is under way.
};

}  // namespace demo
