#include "ice/transport.h"

#include <utility>

#include "gst/ref.h"
#include "ice/transport_elements.h"

namespace sluice::ice {
namespace {

/// What the network delivers for one peer. dtlsdec lets wait what comes before webrtcbin has begun DTLS.
class Inlet final : public Receiver {
public:
    explicit Inlet(GstWebRTCICETransport* transport) : source_(gst::Ref<GstElement>::retain(transport->src)) {
        g_weak_ref_init(&transport_, transport);
    }
    ~Inlet() override { g_weak_ref_clear(&transport_); }
    Inlet(const Inlet&) = delete;
    Inlet& operator=(const Inlet&) = delete;

    void on_datagram(std::span<const uint8_t> datagram) override { push(source_.get(), datagram); }
    void on_state(PeerState state) override {
        const auto transport = gst::Ref<GstWebRTCICETransport>::adopt(
            static_cast<GstWebRTCICETransport*>(g_weak_ref_get(&transport_)));
        if (transport)
            gst_webrtc_ice_transport_connection_state_change(
                transport.get(), state == PeerState::Connected ? GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED
                                                               : GST_WEBRTC_ICE_CONNECTION_STATE_FAILED);
    }

private:
    gst::Ref<GstElement> source_;
    GWeakRef transport_;
};

}  // namespace

struct IceTransport {
    GstWebRTCICETransport parent;
    std::shared_ptr<Inlet>* inlet;
};
struct IceTransportClass {
    GstWebRTCICETransportClass parent;
};
G_DEFINE_TYPE(IceTransport, ice_transport, GST_TYPE_WEBRTC_ICE_TRANSPORT)

static void dispose(GObject* object) {
    auto* self = reinterpret_cast<IceTransport*>(object);
    delete std::exchange(self->inlet, nullptr);
    G_OBJECT_CLASS(ice_transport_parent_class)->dispose(object);
}

static void ice_transport_class_init(IceTransportClass* klass) {
    G_OBJECT_CLASS(klass)->dispose = dispose;
}

static void ice_transport_init(IceTransport* self) {
    self->parent.role = GST_WEBRTC_ICE_ROLE_CONTROLLED;
}

GstWebRTCICETransport* new_transport(std::shared_ptr<LitePeer> peer) {
    auto* self = static_cast<IceTransport*>(
        g_object_new(ice_transport_get_type(), "component", GST_WEBRTC_ICE_COMPONENT_RTP, nullptr));
    gst_object_ref_sink(self);
    self->parent.src = new_source();  // floating: webrtcbin's bins take them
    self->inlet = new std::shared_ptr(std::make_shared<Inlet>(&self->parent));
    peer->set_receiver(*self->inlet);
    self->parent.sink = new_sink(std::move(peer));
    return &self->parent;
}

}  // namespace sluice::ice
