#define GST_USE_UNSTABLE_API
#include <utility>

#include <gst/webrtc/ice.h>
#include <gst/webrtc/icestream.h>
#include <gst/webrtc/icetransport.h>

#include "gst/factory.h"
#include "ice/agent.h"
#include "ice/lite_network.h"
#include "ice/transport.h"

// webrtcbin asserts that every function below is there. What changed between versions of GStreamer stands in
// docs/architecture.md.

namespace sluice::ice {

struct IceStream {
    GstWebRTCICEStream parent;
    GstWebRTCICETransport* transport;
};
struct IceStreamClass {
    GstWebRTCICEStreamClass parent;
};
G_DEFINE_TYPE(IceStream, ice_stream, GST_TYPE_WEBRTC_ICE_STREAM)

struct IceAgent {
    GstWebRTCICE parent;
    std::shared_ptr<LitePeer>* peer;
    IceStream* stream;  ///< One: max-bundle.
    gboolean controller;
};
struct IceAgentClass {
    GstWebRTCICEClass parent;
};
G_DEFINE_TYPE(IceAgent, ice_agent, GST_TYPE_WEBRTC_ICE)

namespace {

IceAgent* as_agent(gpointer object) {
    return static_cast<IceAgent*>(object);
}

GstWebRTCICETransport* find_transport(GstWebRTCICEStream* stream, GstWebRTCICEComponent component) {
    if (component != GST_WEBRTC_ICE_COMPONENT_RTP)
        return nullptr;
    return static_cast<GstWebRTCICETransport*>(
        gst_object_ref(reinterpret_cast<IceStream*>(stream)->transport));
}

/// The candidates are the network's and stand in our descriptions from the start.
gboolean gather(GstWebRTCICEStream* stream) {
    auto* transport = reinterpret_cast<IceStream*>(stream)->transport;
    if (transport->gathering_state != GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
        gst_webrtc_ice_transport_gathering_state_change(transport, GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE);
    return TRUE;
}

void dispose_stream(GObject* object) {
    gst_clear_object(&reinterpret_cast<IceStream*>(object)->transport);
    G_OBJECT_CLASS(ice_stream_parent_class)->dispose(object);
}

GstWebRTCICEStream* add_lite_stream(GstWebRTCICE* ice, guint) {
    auto* agent = as_agent(ice);
    if (!agent->stream) {
        agent->stream =
            static_cast<IceStream*>(g_object_new(ice_stream_get_type(), "stream-id", 1u, nullptr));
        gst_object_ref_sink(agent->stream);
        agent->stream->transport = new_transport(*agent->peer);
    }
#if GST_CHECK_VERSION(1, 28, 0)
    gst_object_ref(agent->stream);
#endif
    return &agent->stream->parent;
}

/// A lite agent makes no checks: the peer's own checks tell where it is.
#if GST_CHECK_VERSION(1, 24, 0)
void ignore_candidate(GstWebRTCICE*, GstWebRTCICEStream*, const gchar*, GstPromise* promise) {
    if (promise)
        gst_promise_reply(promise, nullptr);
}
#else
void ignore_candidate(GstWebRTCICE*, GstWebRTCICEStream*, const gchar*) {}
#endif

void finalize_agent(GObject* object) {
    auto* agent = as_agent(object);
    gst_clear_object(&agent->stream);
    delete agent->peer;
    G_OBJECT_CLASS(ice_agent_parent_class)->finalize(object);
}

/// webrtcbin 1.22 makes its receive queue block once media passes. A stuck consumer would then stop the
/// network thread, and with it everybody: the queue stays leaky. And it holds 5 MB, 40 s of a usual stream,
/// by which everybody would be late after a moment without a processor: here it holds 1 MB, a second of a
/// large one. Not a second of time: GstQueue 1.22 counts a silence before a packet as what it holds.
void keep_leaky(GstBin*, GstBin* parent, GstElement* element, gpointer) noexcept {
    if (!gst::is_made_by(element, "queue") || !g_str_equal(G_OBJECT_TYPE_NAME(parent), "TransportReceiveBin"))
        return;
    constexpr guint kHeldBytes = 1 << 20;
    g_object_set(element, "max-size-bytes", kHeldBytes, nullptr);
    constexpr int kDownstream = 2;
    g_signal_connect(element, "notify::leaky",
                     G_CALLBACK(+[](GstElement* queue, GParamSpec*, gpointer) noexcept {
                         int leaky = 0;
                         g_object_get(queue, "leaky", &leaky, nullptr);
                         if (leaky != kDownstream)
                             g_object_set(queue, "leaky", kDownstream, nullptr);
                     }),
                     nullptr);
}

}  // namespace

static void ice_stream_class_init(IceStreamClass* klass) {
    G_OBJECT_CLASS(klass)->dispose = dispose_stream;
    klass->parent.find_transport = find_transport;
    klass->parent.gather_candidates = gather;
}

static void ice_stream_init(IceStream*) {}

static void ice_agent_class_init(IceAgentClass* klass) {
    G_OBJECT_CLASS(klass)->finalize = finalize_agent;
    auto& ice = klass->parent;
    ice.add_stream = add_lite_stream;
    ice.find_transport = [](GstWebRTCICE*, GstWebRTCICEStream* stream, GstWebRTCICEComponent component) {
        return find_transport(stream, component);
    };
    ice.gather_candidates = [](GstWebRTCICE*, GstWebRTCICEStream* stream) { return gather(stream); };
    ice.add_candidate = ignore_candidate;
    // Both go between our descriptions and the peer without webrtcbin, whose own are not those of an ICE
    // restart.
    ice.set_local_credentials = ice.set_remote_credentials =
        [](GstWebRTCICE*, GstWebRTCICEStream*, const gchar*, const gchar*) -> gboolean { return TRUE; };
    ice.set_is_controller = [](GstWebRTCICE* self, gboolean controller) {
        as_agent(self)->controller = controller;
    };
    ice.get_is_controller = [](GstWebRTCICE* self) { return as_agent(self)->controller; };
    // No relays, no servers, no proxies: a lite agent has a reachable address.
    ice.add_turn_server = [](GstWebRTCICE*, const gchar*) -> gboolean { return FALSE; };
    ice.set_force_relay = [](GstWebRTCICE*, gboolean) {};
    ice.set_stun_server = ice.set_turn_server = ice.set_http_proxy = [](GstWebRTCICE*, const gchar*) {};
    ice.get_stun_server = ice.get_turn_server =
        ice.get_http_proxy = [](GstWebRTCICE*) -> gchar* { return nullptr; };
    ice.set_tos = [](GstWebRTCICE*, GstWebRTCICEStream*, guint) {};
    ice.set_on_ice_candidate = [](GstWebRTCICE*, GstWebRTCICEOnCandidateFunc, gpointer data,
                                  GDestroyNotify notify) {
        if (notify)
            notify(data);
    };
    ice.get_local_candidates = ice.get_remote_candidates = [](GstWebRTCICE*, GstWebRTCICEStream*) {
        return g_new0(GstWebRTCICECandidateStats*, 1);
    };
#if GST_CHECK_VERSION(1, 28, 0)
    ice.close = [](GstWebRTCICE* self, GstPromise* promise) {
        (*as_agent(self)->peer)->close();
        if (promise)
            gst_promise_reply(promise, nullptr);
    };
#endif
    ice.get_selected_pair = [](GstWebRTCICE*, GstWebRTCICEStream*, GstWebRTCICECandidateStats**,
                               GstWebRTCICECandidateStats**) -> gboolean { return FALSE; };
}

static void ice_agent_init(IceAgent*) {}

WebrtcBin LiteNetwork::make_webrtcbin(const char* name, std::function<void(PeerState)> on_state) {
    auto peer = make_peer(std::move(on_state));
    auto* agent = static_cast<IceAgent*>(g_object_new(ice_agent_get_type(), nullptr));
    gst_object_ref_sink(agent);
    agent->peer = new std::shared_ptr<LitePeer>(peer);
    // webrtcbin 1.22 takes over the agent's reference without adding one of its own.
    GstElement* bin =
        gst_element_factory_make_full("webrtcbin", "name", name, "ice-agent", agent, "bundle-policy",
                                      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, nullptr);
    if (!bin) {
        gst_object_unref(agent);
        peer->close();
        return {};
    }
    g_signal_connect(bin, "deep-element-added", G_CALLBACK(keep_leaky), nullptr);
    return {gst::Ref<GstElement>::sink(bin), std::move(peer)};
}

}  // namespace sluice::ice
