#include "ice/full_network.h"

#include <utility>

#include <gst/gst.h>

#include "base/owned.h"
#include "ice/addresses.h"
#include "ice/agent.h"
#include "ice/full_agent.h"
#include "ice/full_peer.h"

namespace sluice::ice {
namespace {

Status check_server(const std::string& uri, const char* key, std::initializer_list<const char*> schemes) {
    if (uri.empty())
        return Ok{};
    const glib::Owned<GstUri, gst_uri_unref> parsed(gst_uri_from_string_escaped(uri.c_str()));
    for (const char* scheme : schemes)
        if (parsed && g_strcmp0(gst_uri_get_scheme(parsed.get()), scheme) == 0 &&
            gst_uri_get_host(parsed.get()) && gst_uri_get_port(parsed.get()) != GST_URI_NO_PORT)
            return Ok{};
    return Error{ErrorCode::InvalidArgument,
                 std::string(key) + " is \"" + uri + "\"; allowed is " + *schemes.begin() + "://" +
                     (schemes.size() > 1 ? "user:password@" : "") + "host:port",
                 key};
}

}  // namespace

Result<std::unique_ptr<Network>> FullNetwork::open(const Options& options) {
    const auto local = local_addresses(options);
    if (!local)
        return local.error();
    if (const auto stun = check_server(options.stun_server, "ice.stun-server", {"stun"}); !stun)
        return stun.error();
    if (const auto turn = check_server(options.turn_server, "ice.turn-server", {"turn", "turns"}); !turn)
        return turn.error();
    if (options.port_min > options.port_max)
        return Error{ErrorCode::InvalidArgument, "ice.port-min is greater than ice.port-max", "ice.port-min"};
    if (!gst::Ref<GstElementFactory>::adopt(gst_element_factory_find("nicesrc")))
        return Error{
            ErrorCode::Internal,
            "ice.agent is full, but GStreamer has no element nicesrc (Debian package gstreamer1.0-nice)",
            "ice.agent"};
    std::vector<std::string> addresses;
    for (const auto& address : *local) addresses.push_back(address.ip());
    return std::unique_ptr<Network>(new FullNetwork(options, std::move(addresses)));
}

FullNetwork::FullNetwork(const Options& options, std::vector<std::string> addresses)
    : options_(options), addresses_(std::move(addresses)), control_([this] { tick(); }) {}

NetworkStats FullNetwork::stats() const {
    std::lock_guard lock(mutex_);
    NetworkStats stats;
    for (const auto& weak : peers_) {
        const auto peer = weak.lock();
        stats.peers += peer && peer->state() != PeerState::Closed;
    }
    return stats;
}

void FullNetwork::tick() {
    std::vector<std::shared_ptr<FullPeer>> peers;
    {
        std::lock_guard lock(mutex_);
        std::erase_if(peers_, [](const auto& peer) { return peer.expired(); });
        for (const auto& weak : peers_)
            if (auto peer = weak.lock())
                peers.push_back(std::move(peer));
    }
    const auto now = Clock::now();
    for (const auto& peer : peers) peer->on_tick(now, options_.consent_timeout);
}

WebrtcBin FullNetwork::make_webrtcbin(const char* name, std::function<void(PeerState)> on_state) {
    auto agent = new_full_agent(options_, addresses_);
    auto peer = std::make_shared<FullPeer>(agent, std::move(on_state));
    GstElement* bin =
        gst_element_factory_make_full("webrtcbin", "name", name, "ice-agent", agent.get(), "bundle-policy",
                                      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, nullptr);
    if (!bin) {
        peer->close();
        return {};
    }
    // webrtcbin 1.22 takes over the agent's reference without adding one of its own.
    g_object_ref(agent.get());
    peer->watch(bin);
    {
        std::lock_guard lock(mutex_);
        peers_.push_back(peer);
    }
    return {gst::Ref<GstElement>::sink(bin), std::move(peer)};
}

}  // namespace sluice::ice
