#include "media/warm_up.h"

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#include "gst/ref.h"
#include "ice/agent.h"

namespace sluice::media {
namespace {

using Description = gst::Owned<GstWebRTCSessionDescription, gst_webrtc_session_description_free>;

Description create_offer(GstElement* webrtcbin) {
    const auto promise = gst::Ref<GstPromise>::adopt(gst_promise_new());
    g_signal_emit_by_name(webrtcbin, "create-offer", nullptr, promise.get());
    GstWebRTCSessionDescription* offer = nullptr;
    if (gst_promise_wait(promise.get()) == GST_PROMISE_RESULT_REPLIED)
        gst_structure_get(gst_promise_get_reply(promise.get()), "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                          &offer, nullptr);
    return Description(offer);
}

}  // namespace

Status warm_up(ice::Network& network) {
    const auto made = network.make_webrtcbin("warm-up", [](ice::PeerState) {});
    if (!made.element)
        return Error{ErrorCode::Internal, "webrtcbin cannot be made: is gstreamer1.0-plugins-bad installed?"};
    GstElement* webrtcbin = made.element.get();
    gst_element_set_state(webrtcbin, GST_STATE_PLAYING);
    const auto caps = gst::Ref<GstCaps>::adopt(gst_caps_from_string(
        "application/x-rtp, media=(string)audio, encoding-name=(string)OPUS, payload=(int)111, "
        "clock-rate=(int)48000, encoding-params=(string)2, ssrc=(uint)1"));
    gst::Ref<GstWebRTCRTPTransceiver> transceiver;
    g_signal_emit_by_name(webrtcbin, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY,
                          caps.get(), transceiver.out());
    const auto offer = create_offer(webrtcbin);
    if (offer) {
        const auto promise = gst::Ref<GstPromise>::adopt(gst_promise_new());
        g_signal_emit_by_name(webrtcbin, "set-local-description", offer.get(), promise.get());
        gst_promise_wait(promise.get());
    }
    gst_element_set_state(webrtcbin, GST_STATE_NULL);
    made.peer->close();
    return offer ? Status(Ok{}) : Error{ErrorCode::Internal, "webrtcbin makes no offer"};
}

}  // namespace sluice::media
