#include "ice/full_peer.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <utility>

#include "gst/factory.h"
#include "gst/signal.h"

namespace sluice::ice {
namespace {

constexpr guint kComponent = NICE_COMPONENT_TYPE_RTP;

void free_candidates(GSList* list) {
    g_slist_free_full(list, reinterpret_cast<GDestroyNotify>(nice_candidate_free));
}
using Candidates = gst::Owned<GSList, free_candidates>;

}  // namespace

FullPeer::FullPeer(const gst::Ref<GstWebRTCICE>& agent, std::function<void(PeerState)> on_state)
    : agent_(agent), nice_(nice_agent_of(agent.get())) {
    shared_->on_state = std::move(on_state);
}

FullPeer::~FullPeer() {
    close();
}

void FullPeer::watch(GstElement* webrtcbin) {
    gst::connect_shared(nice_.get(), "candidate-gathering-done", G_CALLBACK(on_gathered), shared_);
    gst::connect_shared(nice_.get(), "component-state-changed", G_CALLBACK(on_component), shared_);
    gst::connect_shared(webrtcbin, "deep-element-added", G_CALLBACK(on_element),
                        std::make_shared<std::shared_ptr<Shared>>(shared_));
}

void FullPeer::on_element(GstBin*, GstBin*, GstElement* element, std::shared_ptr<Shared>* shared) noexcept {
    const bool source = gst::is_made_by(element, "nicesrc");
    const bool sink = gst::is_made_by(element, "nicesink");
    if (!source && !sink)
        return;
    const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element, source ? "src" : "sink"));
    count(pad.get(), *shared, source ? (*shared)->received : (*shared)->sent);
}

/// Counts every buffer of a pad.
void FullPeer::count(GstPad* pad, std::shared_ptr<Shared> shared, TrafficCounter& counter) {
    struct Count {
        std::shared_ptr<Shared> shared;
        TrafficCounter& counter;
        void add(GstBuffer* buffer) {
            GstMapInfo map;
            if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
                return;
            counter.count({map.data, map.size});
            gst_buffer_unmap(buffer, &map);
        }
    };
    const auto on_data = [](GstPad*, GstPadProbeInfo* info, gpointer data) noexcept -> GstPadProbeReturn {
        auto& self = *static_cast<Count*>(data);
        if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
            self.add(GST_PAD_PROBE_INFO_BUFFER(info));
        else
            for (guint i = 0; i < gst_buffer_list_length(GST_PAD_PROBE_INFO_BUFFER_LIST(info)); i++)
                self.add(gst_buffer_list_get(GST_PAD_PROBE_INFO_BUFFER_LIST(info), i));
        return GST_PAD_PROBE_OK;
    };
    gst_pad_add_probe(
        pad, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        on_data, new Count{std::move(shared), counter},
        [](gpointer data) { delete static_cast<Count*>(data); });
}

void FullPeer::on_gathered(NiceAgent*, guint, Shared* shared) noexcept {
    std::lock_guard lock(shared->mutex);
    shared->gathered = true;
    for (const auto& ready : std::exchange(shared->on_gathered, {})) ready();
}

void FullPeer::when_gathered(std::function<void()> ready) {
    std::lock_guard lock(shared_->mutex);
    if (shared_->gathered)
        ready();
    else
        shared_->on_gathered.push_back(std::move(ready));
}

void FullPeer::on_component(NiceAgent*, guint, guint, guint state, Shared* shared) noexcept {
    shared->given_up = state == NICE_COMPONENT_STATE_FAILED;
    if (state == NICE_COMPONENT_STATE_READY)
        shared->enter(PeerState::Connected);
}

/// libnice also calls a component failed that has not found its peer yet, and ready again one whose peer is
/// back.
void FullPeer::Shared::enter(PeerState next) {
    auto expected = next == PeerState::Connected ? PeerState::New : PeerState::Connected;
    if (!state.compare_exchange_strong(expected, next))
        return;
    std::lock_guard lock(mutex);
    if (on_state)
        on_state(next);
}

std::vector<std::string> FullPeer::candidates() const {
    std::vector<std::string> lines;
    const Candidates local(nice_agent_get_local_candidates(nice_.get(), stream_of(agent_.get()), kComponent));
    for (GSList* at = local.get(); at; at = at->next) {
        const gst::OwnedString line(
            nice_agent_generate_local_candidate_sdp(nice_.get(), static_cast<NiceCandidate*>(at->data)));
        const std::string text(line.get());
        lines.push_back(text.starts_with("a=") ? text.substr(2) : text);
    }
    return lines;
}

Credentials FullPeer::local() const {
    char *ufrag = nullptr, *pwd = nullptr;
    if (!nice_agent_get_local_credentials(nice_.get(), stream_of(agent_.get()), &ufrag, &pwd))
        return {};
    const gst::OwnedString owned_ufrag(ufrag), owned_pwd(pwd);
    return {ufrag, pwd};
}

Credentials FullPeer::restart() {
    restarted_ = Clock::now();
    nice_agent_restart_stream(nice_.get(), stream_of(agent_.get()));
    return local();
}

void FullPeer::set_remote(Credentials remote) {
    nice_agent_set_remote_credentials(nice_.get(), stream_of(agent_.get()), remote.ufrag.c_str(),
                                      remote.pwd.c_str());
}

/// Names of mDNS are passed over: such a peer is found by its own checks. So is TCP.
void FullPeer::add_remote(const std::vector<std::string>& candidates) {
    const auto stream = stream_of(agent_.get());
    GSList* list = nullptr;
    for (const auto& line : candidates) {
        NiceCandidate* candidate =
            nice_agent_parse_remote_candidate_sdp(nice_.get(), stream, ("a=" + line).c_str());
        if (candidate && candidate->transport == NICE_CANDIDATE_TRANSPORT_UDP &&
            candidate->component_id == kComponent)
            list = g_slist_prepend(list, candidate);
        else if (candidate)
            nice_candidate_free(candidate);
    }
    const Candidates remote(g_slist_reverse(list));
    if (remote)
        nice_agent_set_remote_candidates(nice_.get(), stream, kComponent, remote.get());
}

std::string FullPeer::remote_address() const {
    NiceCandidate *local = nullptr, *remote = nullptr;
    const auto stream = stream_of(agent_.get());
    if (stream == 0 || !nice_agent_get_selected_pair(nice_.get(), stream, kComponent, &local, &remote))
        return {};
    char ip[INET6_ADDRSTRLEN] = "";
    nice_address_to_string(&remote->addr, ip);
    const auto port = std::to_string(nice_address_get_port(&remote->addr));
    return (nice_address_ip_version(&remote->addr) == 6 ? "[" + std::string(ip) + "]" : ip) + ":" + port;
}

void FullPeer::send(std::span<const uint8_t> datagram) {
    const auto size = static_cast<guint>(datagram.size());
    if (nice_agent_send(nice_.get(), stream_of(agent_.get()), kComponent, size,
                        reinterpret_cast<const char*>(datagram.data())) == static_cast<gint>(size))
        shared_->sent.count(datagram);
}

void FullPeer::refresh(Destination& destination) const {
    destination.fd = -1;
    destination.version = destination_version_;
}

/// libnice 0.1.21 gives a silent peer up after 50 s; its consent-freshness would after 10 s, but can only be
/// set when GstWebRTCNice makes the agent, and is not. Its checks, which it makes every 5 s, and their
/// answers do not come to us, but the socket knows when something has come. A relayed pair has no socket of
/// its own and waits for libnice.
void FullPeer::on_tick(Clock::time_point now, std::chrono::seconds consent_timeout) {
    if (state() != PeerState::Connected)
        return;
    GSocket* socket = nice_agent_get_selected_socket(nice_.get(), stream_of(agent_.get()), kComponent);
    timeval stamp{};
    const bool known = socket && ioctl(g_socket_get_fd(socket), SIOCGSTAMP, &stamp) == 0;
    if (!known || timercmp(&stamp, &stamp_, !=)) {
        stamp_ = stamp;
        heard_ = now;
    }
    // A browser may stay with a path of the old credentials, which libnice refuses at once, for longer than
    // the 5 s after which libnice gives up; it comes back to the new one.
    const bool lost = shared_->given_up && now - restarted_.load() > consent_timeout;
    if (lost || now - heard_ > consent_timeout)
        shared_->enter(PeerState::Failed);
}

/// A TURN server keeps an allocation for ten minutes unless it is given back. libnice asks it to, and the
/// agent, which has the thread for that, lives on until it has answered or been silent for some seconds. Its
/// end comes on the default main context: on the agent's own thread it would wait for itself.
void FullPeer::close() {
    if (shared_->state.exchange(PeerState::Closed) == PeerState::Closed)
        return;
    {
        std::lock_guard lock(shared_->mutex);
        shared_->on_state = nullptr;
        shared_->on_gathered.clear();
    }
    const gst::OwnedString turn(gst_webrtc_ice_get_turn_server(agent_.get()));
    if (turn)
        nice_agent_close_async(
            nice_.get(), [](GObject*, GAsyncResult*, gpointer agent) noexcept { g_object_unref(agent); },
            g_object_ref(agent_.get()));
}

}  // namespace sluice::ice
