#include "ice/transport.h"

#include <utility>

#include "ice/transport_elements.h"

namespace sluice::ice {
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

GstWebRTCICETransport* new_transport(std::shared_ptr<LitePeer> peer, std::shared_ptr<Inlet> inlet) {
    auto* self = static_cast<IceTransport*>(
        g_object_new(ice_transport_get_type(), "component", GST_WEBRTC_ICE_COMPONENT_RTP, nullptr));
    gst_object_ref_sink(self);
    self->parent.src = new_source();  // floating: webrtcbin's bins take them
    inlet->set_transport(&self->parent, self->parent.src);
    self->inlet = new std::shared_ptr(std::move(inlet));
    peer->set_receiver(*self->inlet);
    self->parent.sink = new_sink(std::move(peer));
    return &self->parent;
}

}  // namespace sluice::ice
