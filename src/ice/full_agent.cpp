#include "ice/full_agent.h"

#include <atomic>

namespace sluice::ice {

struct FullAgent {
    GstWebRTCNice parent;
    std::atomic<guint>* stream;
};
struct FullAgentClass {
    GstWebRTCNiceClass parent;
};
G_DEFINE_TYPE(FullAgent, full_agent, GST_TYPE_WEBRTC_NICE)

namespace {

GstWebRTCICEStream* add_stream(GstWebRTCICE* ice, guint session) {
    auto* stream = GST_WEBRTC_ICE_CLASS(full_agent_parent_class)->add_stream(ice, session);
    if (stream)
        *reinterpret_cast<FullAgent*>(ice)->stream = stream->stream_id;
    return stream;
}

#if GST_CHECK_VERSION(1, 24, 0)
void add_candidate(GstWebRTCICE*, GstWebRTCICEStream*, const gchar*, GstPromise* promise) {
    if (promise)
        gst_promise_reply(promise, nullptr);
}
#else
void add_candidate(GstWebRTCICE*, GstWebRTCICEStream*, const gchar*) {}
#endif

void finalize(GObject* object) {
    auto* stream = reinterpret_cast<FullAgent*>(object)->stream;
    G_OBJECT_CLASS(full_agent_parent_class)->finalize(object);
    delete stream;
}

}  // namespace

static void full_agent_class_init(FullAgentClass* klass) {
    G_OBJECT_CLASS(klass)->finalize = finalize;
    auto& ice = klass->parent.parent_class;
    ice.add_stream = add_stream;
    ice.add_candidate = add_candidate;
    ice.set_local_credentials = ice.set_remote_credentials =
        [](GstWebRTCICE*, GstWebRTCICEStream*, const gchar*, const gchar*) -> gboolean { return TRUE; };
}

static void full_agent_init(FullAgent* self) {
    self->stream = new std::atomic<guint>(0);
}

gst::Ref<GstWebRTCICE> new_full_agent(const Options& options, const std::vector<std::string>& addresses) {
    auto* ice = static_cast<GstWebRTCICE*>(g_object_new(full_agent_get_type(), nullptr));
    auto agent = gst::Ref<GstWebRTCICE>::sink(ice);
    // Active and passive TCP would cost sockets for each address; browsers reach TURN over TCP without it.
    g_object_set(ice, "ice-tcp", FALSE, nullptr);
    if (options.port_max > 0)
        g_object_set(ice, "max-rtp-port", static_cast<guint>(options.port_max), "min-rtp-port",
                     static_cast<guint>(options.port_min), nullptr);
    const auto nice = nice_agent_of(ice);
    g_object_set(nice.get(), "keepalive-conncheck", TRUE,
                 nullptr);  // a check every 5 s, which wants an answer
    // Debian's libnice has UPnP on: multicast, 200 ms and 11 descriptors for each connection.
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(nice.get()), "upnp"))
        g_object_set(nice.get(), "upnp", FALSE, nullptr);
    for (const auto& address : addresses) {
        gboolean added = FALSE;
        g_signal_emit_by_name(ice, "add-local-ip-address", address.c_str(), &added);
    }
    if (!options.stun_server.empty())
        gst_webrtc_ice_set_stun_server(ice, options.stun_server.c_str());
    if (!options.turn_server.empty())
        gst_webrtc_ice_set_turn_server(ice, options.turn_server.c_str());
    return agent;
}

gst::Ref<NiceAgent> nice_agent_of(GstWebRTCICE* agent) {
    gst::Ref<NiceAgent> nice;
    g_object_get(agent, "agent", nice.out(), nullptr);
    return nice;
}

guint stream_of(GstWebRTCICE* agent) {
    return *reinterpret_cast<FullAgent*>(agent)->stream;
}

}  // namespace sluice::ice
