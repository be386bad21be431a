#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ice/control_thread.h"
#include "ice/network.h"

namespace sluice::ice {

class FullPeer;

/// Gives each connection a full agent of libnice's, webrtcbin's own kind, with its own sockets and thread:
/// for servers that browsers cannot reach without STUN or TURN. UDP only.
class FullNetwork final : public Network {
public:
    /// Binds nothing. An error names the key and what is wrong with its value.
    static Result<std::unique_ptr<Network>> open(const Options& options);

    WebrtcBin make_webrtcbin(const char* name, std::function<void(PeerState)> on_state) override;
    std::vector<std::string> addresses() const override { return addresses_; }
    NetworkStats stats() const override;
    void count_sent(uint64_t, uint64_t) override {}  // no Outbox sends here

private:
    FullNetwork(const Options& options, std::vector<std::string> addresses);
    void tick();

    const Options options_;
    const std::vector<std::string> addresses_;
    mutable std::mutex mutex_;
    std::vector<std::weak_ptr<FullPeer>> peers_;
    ControlThread control_;  ///< The last member: it ends before what it uses.
};

}  // namespace sluice::ice
