#pragma once

#define GST_USE_UNSTABLE_API
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include <gst/gst.h>
#include <gst/webrtc/webrtc.h>

#include "gst/ref.h"
#include "ice/lite_peer.h"

namespace sluice::ice {

/// Where what comes from a peer enters its webrtcbin.
///
/// webrtcbin begins DTLS when ICE is connected and it knows who is the client. A peer is often quicker, and
/// its first record would find an SSL object that is neither client nor server: a fatal error, and the end of
/// the connection (gst_dtls_connection_process() of 1.22.0). So the first few datagrams wait here.
class Inlet final : public Receiver {
public:
    Inlet();
    ~Inlet() override;
    Inlet(const Inlet&) = delete;
    Inlet& operator=(const Inlet&) = delete;

    /// Each element of webrtcbin, as it is made; on webrtcbin's threads.
    static void watch(GstElement* webrtcbin, std::shared_ptr<Inlet> inlet);
    void set_transport(GstWebRTCICETransport* transport, GstElement* source);

    void on_datagram(std::span<const uint8_t> datagram) override;
    void on_state(PeerState state) override;

private:
    static void on_element(GstBin*, GstBin*, GstElement* element, Inlet* self) noexcept;
    static void on_client_known(GstElement*, GParamSpec*, Inlet* self) noexcept;
    void let_in();

    std::atomic<bool> is_open_{false};
    std::mutex mutex_;  // all below; source_ does not change once it is open
    gst::Ref<GstElement> dtls_;
    gst::Ref<GstElement> source_;
    GWeakRef transport_;
    std::vector<std::vector<uint8_t>> waiting_;
};

}  // namespace sluice::ice
