#include "media/express.h"

#include <utility>

#include <gst/rtp/gstrtcpbuffer.h>

#include "elements/fanout.h"
#include "elements/srtp_enc.h"
#include "gst/factory.h"
#include "gst/signal.h"

namespace sluice::media {
void Express::on_element(GstElement* element) {
    if (gst::is_made_by(element, "rtprtxsend")) {
        // It keeps no packets (do-nack is off) and would swallow what the session asks for.
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element, "src"));
        gst::add_probe_shared(pad.get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_rtx_sender_event,
                              shared_from_this());
    } else if (gst::is_made_by(element, "rtpsession")) {
        gst::Ref<GObject> session;
        g_object_get(element, "internal-session", session.out(), nullptr);
        gst::connect_shared(session.get(), "on-feedback-rtcp", G_CALLBACK(on_feedback), shared_from_this());
    }
}

void Express::add(uint32_t ssrc, gst::Ref<GstPad> leg) {
    elements::leg_of(leg.get()).set_express(way_);
    std::lock_guard lock(mutex_);
    legs_.insert_or_assign(ssrc, std::move(leg));
}

void Express::clear() {
    Legs legs;
    std::lock_guard lock(mutex_);
    legs.swap(legs_);
}

Status Express::open(GstElement* webrtcbin, std::shared_ptr<ice::Peer> peer) {
    const auto srtp = gst::find_made_by(GST_BIN(webrtcbin), "srtpenc");
    if (!srtp)
        return Error{ErrorCode::Internal, "webrtcbin has no srtpenc"};
    auto keys = elements::srtp_keys_of(srtp.get());
    if (!keys)
        return Error{ErrorCode::Internal, "srtpenc has no key of AES_CM_128_HMAC_SHA1_80"};

    const auto rtpbin = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(webrtcbin), "rtpbin"));
    GObject* session = nullptr;
    g_signal_emit_by_name(rtpbin.get(), "get-internal-session", 0u, &session);
    if (!session)
        return Error{ErrorCode::Internal, "rtpbin has no session"};
    const auto owned_session = gst::Ref<GObject>::adopt(session);
    gst::connect_shared(session, "on-sending-rtcp", G_CALLBACK(on_sending_rtcp), shared_from_this());

    way_ = std::make_shared<const elements::ExpressWay>(
        elements::ExpressWay{.peer = std::move(peer), .keys = std::move(keys)});
    std::lock_guard lock(mutex_);
    for (const auto& [ssrc, leg] : legs_) elements::leg_of(leg.get()).set_express(way_);
    return Ok{};
}

gst::Ref<GstPad> Express::find(uint32_t ssrc) {
    std::lock_guard lock(mutex_);
    const auto found = legs_.find(ssrc);
    return found == legs_.end() ? gst::Ref<GstPad>() : found->second;
}

GstPadProbeReturn Express::on_rtx_sender_event(GstPad*, GstPadProbeInfo* info, gpointer shared) noexcept {
    auto& self = **static_cast<std::shared_ptr<Express>*>(shared);
    const GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
    if (!gst_event_has_name(const_cast<GstEvent*>(event), "GstRTPRetransmissionRequest"))
        return GST_PAD_PROBE_OK;
    const GstStructure* fields = gst_event_get_structure(const_cast<GstEvent*>(event));
    guint sequence = 0, ssrc = 0;
    if (gst_structure_get_uint(fields, "seqnum", &sequence) && gst_structure_get_uint(fields, "ssrc", &ssrc))
        if (const auto leg = self.find(ssrc))
            elements::leg_of(leg.get()).retransmit(static_cast<uint16_t>(sequence));
    return GST_PAD_PROBE_DROP;
}

/// rtpsession (1.22 to 1.28) passes no PLI on that comes within two round trips of the last one, whichever
/// stream that was for: of a camera and a screen that lost a packet together one would stay as it is. A track
/// makes one request of both.
void Express::on_feedback(GObject*, guint type, guint format, guint, guint ssrc, GstBuffer*,
                          Express* self) noexcept {
    if (type != GST_RTCP_TYPE_PSFB || format != GST_RTCP_PSFB_TYPE_PLI)
        return;
    if (const auto leg = self->find(ssrc))
        elements::ask_for_key_frame_of(leg.get());
}

/// The session has seen a packet of each stream now and then: it knows the times, but not the counts. FALSE:
/// whether the report may be left out is for the session to say.
gboolean Express::on_sending_rtcp(GObject*, GstBuffer* packets, gboolean, Express* self) noexcept {
    GstMapInfo bytes;
    if (!gst_buffer_map(packets, &bytes, GST_MAP_READWRITE))
        return FALSE;
    constexpr uint8_t kSenderReport = 200;  // RFC 3550 section 6.4.1
    for (size_t at = 0; at + 4 <= bytes.size;) {
        uint8_t* packet = bytes.data + at;
        const size_t size = 4 * (size_t{GST_READ_UINT16_BE(packet + 2)} + 1);
        if (packet[1] == kSenderReport && size >= 28 && at + size <= bytes.size)
            self->correct_report(packet);
        at += size;
    }
    gst_buffer_unmap(packets, &bytes);
    return FALSE;
}

void Express::correct_report(uint8_t* report) {
    const auto pad = find(GST_READ_UINT32_BE(report + 4));
    if (!pad)
        return;
    const auto& leg = elements::leg_of(pad.get());
    GST_WRITE_UINT32_BE(report + 20, static_cast<uint32_t>(leg.packets()));
    GST_WRITE_UINT32_BE(report + 24, static_cast<uint32_t>(leg.octets()));
}

}  // namespace sluice::media
