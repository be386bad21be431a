#include "ice/inlet.h"

#include <utility>

#include "gst/factory.h"
#include "gst/signal.h"
#include "ice/transport_elements.h"

namespace sluice::ice {
namespace {

/// A ClientHello in its fragments and its repetition; RTP does not come before DTLS has ended.
constexpr size_t kWaiting = 16;

}  // namespace

Inlet::Inlet() {
    g_weak_ref_init(&transport_, nullptr);
}

Inlet::~Inlet() {
    g_weak_ref_clear(&transport_);
}

void Inlet::watch(GstElement* webrtcbin, std::shared_ptr<Inlet> inlet) {
    gst::connect_shared(webrtcbin, "deep-element-added", G_CALLBACK(on_element), std::move(inlet));
}

void Inlet::on_element(GstBin*, GstBin*, GstElement* element, Inlet* self) noexcept {
    if (gst::is_made_by(element, "dtlsenc")) {
        std::lock_guard lock(self->mutex_);
        self->dtls_ = gst::Ref<GstElement>::retain(element);
    } else if (gst::is_made_by(element, "dtlssrtpenc")) {
        // After webrtcbin's own handler, which may begin DTLS. webrtcbin outlives its elements, and so does
        // the inlet.
        g_signal_connect_data(element, "notify::is-client", G_CALLBACK(on_client_known), self, nullptr,
                              G_CONNECT_AFTER);
    }
}

void Inlet::on_client_known(GstElement*, GParamSpec*, Inlet* self) noexcept {
    self->let_in();
}

void Inlet::set_transport(GstWebRTCICETransport* transport, GstElement* source) {
    std::lock_guard lock(mutex_);
    g_weak_ref_set(&transport_, transport);
    source_ = gst::Ref<GstElement>::retain(source);
}

/// gst_dtls_connection_start() is a part of dtlsenc's way to PAUSED.
void Inlet::let_in() {
    std::lock_guard lock(mutex_);
    if (is_open_ || !dtls_ || !source_)
        return;
    GST_OBJECT_LOCK(dtls_.get());
    const bool has_begun = GST_STATE(dtls_.get()) >= GST_STATE_PAUSED;
    GST_OBJECT_UNLOCK(dtls_.get());
    if (!has_begun)
        return;
    for (const auto& datagram : std::exchange(waiting_, {})) push(source_.get(), datagram);
    is_open_.store(true, std::memory_order_release);
}

void Inlet::on_datagram(std::span<const uint8_t> datagram) {
    if (!is_open_.load(std::memory_order_acquire)) {
        let_in();
        std::lock_guard lock(mutex_);
        if (!is_open_) {
            if (waiting_.size() < kWaiting)
                waiting_.emplace_back(datagram.begin(), datagram.end());
            return;
        }
    }
    push(source_.get(), datagram);
}

void Inlet::on_state(PeerState state) {
    const auto transport = gst::Ref<GstWebRTCICETransport>::adopt(
        static_cast<GstWebRTCICETransport*>(g_weak_ref_get(&transport_)));
    if (transport)
        gst_webrtc_ice_transport_connection_state_change(
            transport.get(), state == PeerState::Connected ? GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED
                                                           : GST_WEBRTC_ICE_CONNECTION_STATE_FAILED);
    let_in();
}

}  // namespace sluice::ice
