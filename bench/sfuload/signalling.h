#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "peer/loop.h"
#include "sfuload/http_client.h"

namespace sluice::load {

/// How long the server took to answer, by the kind of call. Any thread.
class CallTimes {
public:
    void add(std::string_view call, peer::Time time);
    std::map<std::string, std::vector<peer::Time>> all() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::vector<peer::Time>, std::less<>> times_;
};

/// A server's API, as the scenarios see it. Calls wait for the answer; any thread, but one at a time for each
/// user.
class Signalling {
public:
    struct Offer {
        std::string user;  ///< After join() the producer, after produce() whom it is for.
        std::string sdp;
    };
    struct Produced {
        std::string answer;
        std::vector<Offer> outbound;
    };

    virtual ~Signalling() = default;
    virtual Status create_room(const std::string& room) = 0;
    /// With an offer of each who produces, if the server makes them unasked.
    virtual Result<std::vector<Offer>> join(const std::string& room, const std::string& user) = 0;
    virtual Result<Produced> produce(const std::string& room, const std::string& user,
                                     const std::string& offer) = 0;
    /// Asks for an offer that neither join() nor produce() brought.
    virtual Result<std::string> subscribe(const std::string& room, const std::string& user,
                                          const std::string& producer) = 0;
    virtual Status consume(const std::string& room, const std::string& user, const std::string& producer,
                           const std::string& answer) = 0;
    virtual Status leave(const std::string& room, const std::string& user) = 0;
    virtual Status delete_room(const std::string& room) = 0;

    const CallTimes& times() const { return times_; }

protected:
    /// This thread's client.
    static HttpClient& client(const HttpClient::Target& target);
    CallTimes times_;
};

/// sluice's REST API (docs/api), which others may have too.
std::unique_ptr<Signalling> make_sluice_signalling(HttpClient::Target target);
/// Janus's HTTP API with long polls, and its VideoRoom plugin. `publishers`: the most in one room.
std::unique_ptr<Signalling> make_janus_signalling(HttpClient::Target target, int publishers);

}  // namespace sluice::load
