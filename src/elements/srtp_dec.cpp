#include "elements/srtp_dec.h"

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "elements/pads.h"
#include "elements/properties.h"
#include "elements/rtp_packet.h"
#include "elements/session_guard.h"
#include "elements/srtp_receiver.h"
#include "elements/transport_feedback.h"
#include "gst/ref.h"

GST_DEBUG_CATEGORY_STATIC(sluice_srtp_dec_debug);
#define GST_CAT_DEFAULT sluice_srtp_dec_debug

namespace sluice::elements {
namespace {

/// Why a packet is dropped: each is a property of that number.
enum Reason : guint { kWithoutKey = 1, kMalformed, kNotAuthentic, kReplayed, kReasons };
constexpr std::array kReasonNames{"", "without-key", "malformed", "not-authentic", "replayed"};

struct Reports {
    uint8_t extension;
    std::function<void(std::span<const uint8_t>)> send;
    TransportFeedback feedback{g_random_int()};
};

struct SrtpDecState {
    ~SrtpDecState() { delete reports.load(); }

    std::unique_ptr<SrtpReceiver> receiver;   ///< The sink pad's thread.
    SessionGuard guard;                       ///< As above.
    bool rtcp_began = false;                  ///< As above: its sticky events are out.
    std::atomic<Reports*> reports = nullptr;  ///< Set once; what it points to is the sink pad's thread's.
    std::array<std::atomic<guint64>, kReasons> dropped{};
};

}  // namespace

struct SrtpDec {
    GstElement element;
    GstPad* rtp_src;
    GstPad* rtcp_src;
    SrtpDecState* state;
};
struct SrtpDecClass {
    GstElementClass parent;
};
G_DEFINE_TYPE(SrtpDec, srtp_dec, GST_TYPE_ELEMENT)

namespace {

guint request_key_signal = 0;

SrtpDec* as_srtp_dec(gpointer object) {
    return static_cast<SrtpDec*>(object);
}

bool has(const GstStructure* fields, const char* name, const char* value) {
    return g_strcmp0(gst_structure_get_string(fields, name), value) == 0;
}

/// dtlssrtpdec tells the key once it is asked for; all streams have the same.
std::unique_ptr<SrtpReceiver> request_key(SrtpDec* self, uint32_t ssrc) {
    gst::Ref<GstCaps> caps;
    g_signal_emit(self, request_key_signal, 0, ssrc, caps.out());
    if (!caps || gst_caps_get_size(caps.get()) == 0)
        return nullptr;
    const GstStructure* fields = gst_caps_get_structure(caps.get(), 0);
    if (!has(fields, "srtp-cipher", "aes-128-icm") || !has(fields, "srtcp-cipher", "aes-128-icm") ||
        !has(fields, "srtp-auth", "hmac-sha1-80") || !has(fields, "srtcp-auth", "hmac-sha1-80")) {
        GST_ERROR_OBJECT(self, "no cipher suite but AES_CM_128_HMAC_SHA1_80 is known: %" GST_PTR_FORMAT,
                         static_cast<void*>(caps.get()));
        return nullptr;
    }
    const GValue* key = gst_structure_get_value(fields, "srtp-key");
    GstBuffer* buffer = key ? gst_value_get_buffer(key) : nullptr;
    GstMapInfo bytes;
    if (!buffer || !gst_buffer_map(buffer, &bytes, GST_MAP_READ))
        return nullptr;
    const auto keys = SrtpKeys::derive({bytes.data, bytes.size});
    gst_buffer_unmap(buffer, &bytes);
    return keys ? std::make_unique<SrtpReceiver>(keys) : nullptr;
}

/// A flood of forged packets is one line in the log for each doubling.
void count(SrtpDec* self, Reason reason) {
    const guint64 number = self->state->dropped[reason].fetch_add(1, std::memory_order_relaxed) + 1;
    if (reason == kReplayed)
        GST_DEBUG_OBJECT(self, "a packet that came before");
    else if ((number & (number - 1)) == 0)
        GST_WARNING_OBJECT(self, "dropped a packet, %s, %" G_GUINT64_FORMAT " so far", kReasonNames[reason],
                           number);
}

/// RFC 5761 section 4.
bool is_rtcp(const uint8_t* packet, size_t size) {
    return size >= 2 && packet[1] >= 192 && packet[1] <= 223;
}

void report_arrival(Reports& reports, const GstMapInfo& bytes, size_t size, GstClockTime at) {
    RtpPacket rtp;
    if (!GST_CLOCK_TIME_IS_VALID(at) || !rtp.parse_header(bytes.data, size))
        return;
    const auto number = rtp.find_extension(reports.extension);
    if (number.size() != 2)
        return;
    const std::chrono::microseconds time(at / GST_USECOND);
    if (const auto report = reports.feedback.on_packet(GST_READ_UINT16_BE(number.data()), rtp.ssrc(), time))
        reports.send(*report);
}

/// RTCP that comes by the way of RTP has no events of its own.
void begin_rtcp(SrtpDec* self) {
    GstPad* pad = self->rtcp_src;
    if (const auto start =
            gst::Ref<GstEvent>::adopt(gst_pad_get_sticky_event(self->rtp_src, GST_EVENT_STREAM_START, 0))) {
        const char* id = nullptr;
        gst_event_parse_stream_start(start.get(), &id);
        gst_pad_push_event(pad, gst_event_new_stream_start((std::string(id) + "/rtcp").c_str()));
    }
    const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(pad));
    gst_pad_set_caps(pad, caps.get());
    if (GstEvent* segment = gst_pad_get_sticky_event(self->rtp_src, GST_EVENT_SEGMENT, 0))
        gst_pad_push_event(pad, segment);
}

GstFlowReturn drop(SrtpDec* self, GstBuffer* buffer, Reason reason) {
    count(self, reason);
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    auto* self = as_srtp_dec(parent);
    auto& state = *self->state;
    buffer = gst_buffer_make_writable(buffer);
    GstMapInfo bytes;
    if (!gst_buffer_map(buffer, &bytes, GST_MAP_READWRITE))
        return drop(self, buffer, kMalformed);
    const bool rtcp = is_rtcp(bytes.data, bytes.size);
    if (!state.receiver)
        state.receiver = request_key(self, bytes.size >= 12 ? GST_READ_UINT32_BE(bytes.data + 8) : 0);
    if (!state.receiver) {
        gst_buffer_unmap(buffer, &bytes);
        return drop(self, buffer, kWithoutKey);
    }
    size_t size = bytes.size;
    auto outcome =
        rtcp ? state.receiver->open_rtcp(bytes.data, size) : state.receiver->open_rtp(bytes.data, size);
    if (outcome == SrtpReceiver::Outcome::Opened &&
        !(rtcp ? state.guard.admit_rtcp({bytes.data, size}) : state.guard.admit_rtp({bytes.data, size})))
        outcome = SrtpReceiver::Outcome::Malformed;
    if (auto* reports = state.reports.load(std::memory_order_acquire);
        reports && !rtcp && outcome == SrtpReceiver::Outcome::Opened)
        report_arrival(*reports, bytes, size, GST_BUFFER_DTS(buffer));
    gst_buffer_unmap(buffer, &bytes);
    switch (outcome) {
        case SrtpReceiver::Outcome::Opened:
            break;
        case SrtpReceiver::Outcome::Malformed:
        case SrtpReceiver::Outcome::TooManyStreams:
            return drop(self, buffer, kMalformed);
        case SrtpReceiver::Outcome::NotAuthentic:
            return drop(self, buffer, kNotAuthentic);
        case SrtpReceiver::Outcome::Replayed:
            return drop(self, buffer, kReplayed);
    }
    gst_buffer_set_size(buffer, static_cast<gssize>(size));
    if (rtcp && !std::exchange(state.rtcp_began, true))
        begin_rtcp(self);
    return gst_pad_push(rtcp ? self->rtcp_src : self->rtp_src, buffer);
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    GstPad* src = joined_pad(pad);
    const bool is_caps = GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
    // Those of the source, if it has any, say nothing of what is inside.
    if (is_caps || (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT && !gst_pad_has_current_caps(src))) {
        const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(src));
        gst_pad_set_caps(src, caps.get());
    }
    if (!is_caps)
        return gst_pad_event_default(pad, parent, event);
    gst_event_unref(event);
    return TRUE;
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    if (id < kReasons)
        g_value_set_uint64(value, as_srtp_dec(object)->state->dropped[id]);
    else
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

void finalize(GObject* object) {
    delete as_srtp_dec(object)->state;
    G_OBJECT_CLASS(srtp_dec_parent_class)->finalize(object);
}

}  // namespace

void report_arrivals(GstElement* srtp_dec, uint8_t extension,
                     std::function<void(std::span<const uint8_t>)> send) {
    auto made = std::make_unique<Reports>(Reports{extension, std::move(send)});
    Reports* none = nullptr;
    if (as_srtp_dec(srtp_dec)->state->reports.compare_exchange_strong(none, made.get()))
        (void)made.release();
}

static void srtp_dec_class_init(SrtpDecClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_srtp_dec_debug, "sluicesrtpdec", 0, "opens what arrives");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->get_property = get_property;
    object->finalize = finalize;
    gst_element_class_set_static_metadata(element, "Sluice SRTP decoder", "Filter/Network/SRTP",
                                          "Opens RTP and RTCP of AES_CM_128_HMAC_SHA1_80, with OpenSSL",
                                          "sluice");
    static GstStaticPadTemplate templates[] = {
        GST_STATIC_PAD_TEMPLATE("rtp_sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                GST_STATIC_CAPS("application/x-srtp")),
        GST_STATIC_PAD_TEMPLATE("rtp_src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-rtp")),
        GST_STATIC_PAD_TEMPLATE("rtcp_sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                                GST_STATIC_CAPS("application/x-srtcp")),
        GST_STATIC_PAD_TEMPLATE("rtcp_src", GST_PAD_SRC, GST_PAD_ALWAYS,
                                GST_STATIC_CAPS("application/x-rtcp"))};
    for (auto& each : templates) gst_element_class_add_static_pad_template(element, &each);
    request_key_signal = g_signal_new("request-key", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, nullptr,
                                      nullptr, nullptr, GST_TYPE_CAPS, 1, G_TYPE_UINT);
    for (guint reason = kWithoutKey; reason < kReasons; reason++)
        install_counter(object, reason, kReasonNames[reason], "Packets dropped for that");
}

static void srtp_dec_init(SrtpDec* self) {
    GstPad* rtp_sink = add_rtp_pad(&self->element, "rtp_sink");
    GstPad* rtcp_sink = add_rtp_pad(&self->element, "rtcp_sink");
    self->rtp_src = add_rtp_pad(&self->element, "rtp_src");
    self->rtcp_src = add_rtp_pad(&self->element, "rtcp_src");
    join_pads(rtp_sink, self->rtp_src);
    join_pads(rtcp_sink, self->rtcp_src);
    gst_pad_set_chain_function(rtp_sink, chain);
    gst_pad_set_event_function(rtp_sink, sink_event);
    self->state = new SrtpDecState;
}

}  // namespace sluice::elements
