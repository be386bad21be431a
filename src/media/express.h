#pragma once

#include <map>
#include <memory>
#include <mutex>

#include <gst/gst.h>

#include "base/result.h"
#include "elements/leg.h"
#include "gst/ref.h"
#include "ice/network.h"

namespace sluice::media {

/// What joins the legs of one consumer with the webrtcbin that they may pass by: the keys that it negotiated,
/// the retransmissions and key frames that its peer asks for, and its sender reports, which count what the
/// legs have sent.
///
/// add(), clear() and open() on the scheduler's thread; webrtcbin's threads come in through its elements.
class Express : public std::enable_shared_from_this<Express> {
public:
    /// Each element of webrtcbin, as it is made. Any thread.
    void on_element(GstElement* element);

    /// A leg that sends with that SSRC.
    void add(uint32_t ssrc, gst::Ref<GstPad> leg);
    void clear();

    /// The connection is up: from now on all legs take the express way. The error says why they cannot; then
    /// they go on through webrtcbin.
    Status open(GstElement* webrtcbin, std::shared_ptr<ice::Peer> peer);
    bool is_open() const { return way_ != nullptr; }

private:
    using Legs = std::map<uint32_t, gst::Ref<GstPad>>;  ///< By SSRC.

    static GstPadProbeReturn on_rtx_sender_event(GstPad* pad, GstPadProbeInfo* info,
                                                 gpointer shared) noexcept;
    static void on_feedback(GObject* session, guint type, guint format, guint sender, guint ssrc,
                            GstBuffer* items, Express* self) noexcept;
    static gboolean on_sending_rtcp(GObject* session, GstBuffer* packets, gboolean early,
                                    Express* self) noexcept;
    gst::Ref<GstPad> find(uint32_t ssrc);
    void correct_report(uint8_t* report);

    std::mutex mutex_;  // legs_
    Legs legs_;
    std::shared_ptr<const elements::ExpressWay> way_;  ///< Scheduler thread.
};

}  // namespace sluice::media
