#include "sfuload/signalling.h"

namespace sluice::load {

void CallTimes::add(std::string_view call, peer::Time time) {
    const std::scoped_lock lock(mutex_);
    auto it = times_.find(call);
    if (it == times_.end())
        it = times_.emplace(call, std::vector<peer::Time>()).first;
    it->second.push_back(time);
}

std::map<std::string, std::vector<peer::Time>> CallTimes::all() const {
    const std::scoped_lock lock(mutex_);
    return {times_.begin(), times_.end()};
}

HttpClient& Signalling::client(const HttpClient::Target& target) {
    thread_local HttpClient client(target);
    return client;
}

}  // namespace sluice::load
