#include "elements/av1_depay.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <gst/rtp/gstrtpbasedepayload.h>
#include <gst/rtp/gstrtpbuffer.h>

#include "elements/pads.h"

GST_DEBUG_CATEGORY_STATIC(sluice_av1_depay_debug);
#define GST_CAT_DEFAULT sluice_av1_depay_debug

namespace sluice::elements {
namespace {

using Bytes = std::span<const uint8_t>;

// Section 4.4: the aggregation header.
constexpr uint8_t kContinues = 0x80;  // Z: the first element goes on with the last one of the packet before.
constexpr uint8_t kContinued = 0x40;  // Y: the last element goes on in the next packet.
constexpr uint8_t kNewSequence = 0x08;  // N: a key frame begins.
// AV1 specification, section 5.3.2: the OBU header.
constexpr uint8_t kHasExtension = 0x04, kHasSize = 0x02;
constexpr uint8_t kTypeMask = 0x78, kTemporalDelimiter = 2 << 3, kTileList = 8 << 3;
constexpr size_t kLargestUnit = 16 << 20;

struct Depay {
    std::vector<uint8_t> unit;     ///< OBUs of the temporal unit so far, as a stream has them.
    std::vector<uint8_t> element;  ///< Of an OBU that goes on in the next packet.
    bool key_frame = false;        ///< The unit begins a coded video sequence.
    bool waiting = true;           ///< For a key frame.
};

/// Takes a leb128 number from the front (AV1 specification, section 4.10.5); false: there is none.
bool take_size(Bytes& bytes, size_t& size) {
    size = 0;
    for (size_t i = 0; i < 5 && i < bytes.size(); i++) {
        size |= static_cast<size_t>(bytes[i] & 0x7f) << (7 * i);
        if (!(bytes[i] & 0x80)) {
            bytes = bytes.subspan(i + 1);
            return size <= bytes.size();
        }
    }
    return false;
}

void append_size(std::vector<uint8_t>& out, size_t size) {
    do {
        out.push_back(static_cast<uint8_t>((size & 0x7f) | (size > 0x7f ? 0x80 : 0)));
        size >>= 7;
    } while (size > 0);
}

/// An OBU as it came, with the size that a stream needs.
bool append_obu(std::vector<uint8_t>& out, Bytes obu) {
    if (obu.empty())
        return true;
    const uint8_t type = obu[0] & kTypeMask;
    if (type == kTemporalDelimiter || type == kTileList)  // Of no use here, section 5.
        return true;
    const size_t header = obu[0] & kHasExtension ? 2 : 1;
    if (obu.size() < header || out.size() + obu.size() > kLargestUnit)
        return false;
    if (obu[0] & kHasSize) {
        out.insert(out.end(), obu.begin(), obu.end());
        return true;
    }
    out.push_back(obu[0] | kHasSize);
    if (header == 2)
        out.push_back(obu[1]);
    append_size(out, obu.size() - header);
    out.insert(out.end(), obu.begin() + static_cast<std::ptrdiff_t>(header), obu.end());
    return true;
}

/// The OBUs of one packet; false: it is none, or what it goes on with is missing.
bool take(Depay& depay, Bytes payload) {
    if (payload.empty())
        return false;
    const uint8_t header = payload[0];
    payload = payload.subspan(1);
    const unsigned count = header >> 4 & 3;
    if (bool(header & kContinues) != !depay.element.empty())
        return false;
    for (unsigned i = 1; !payload.empty(); i++) {
        size_t size = payload.size();
        if ((count == 0 || i < count) && !take_size(payload, size))
            return false;
        const Bytes part = payload.subspan(0, size);
        payload = payload.subspan(size);
        const bool goes_on = payload.empty() && (header & kContinued);
        if (depay.element.size() + part.size() > kLargestUnit)
            return false;
        if (depay.element.empty() && !goes_on) {
            if (!append_obu(depay.unit, part))
                return false;
            continue;
        }
        depay.element.insert(depay.element.end(), part.begin(), part.end());
        if (goes_on)
            continue;
        const auto whole = std::exchange(depay.element, {});
        if (!append_obu(depay.unit, whole))
            return false;
    }
    return true;
}

}  // namespace

struct Av1Depay {
    GstRTPBaseDepayload base;
    Depay* state;
};
struct Av1DepayClass {
    GstRTPBaseDepayloadClass parent;
};

G_DEFINE_TYPE(Av1Depay, av1_depay, GST_TYPE_RTP_BASE_DEPAYLOAD)

namespace {

void start_anew(Av1Depay* self) {
    auto& state = *self->state;
    state.unit.clear();
    state.element.clear();
    if (state.waiting)
        return;
    state.waiting = true;
    ask_for_key_frame(GST_RTP_BASE_DEPAYLOAD_SINKPAD(self));
}

GstBuffer* process(GstRTPBaseDepayload* base, GstRTPBuffer* rtp) {
    auto* self = reinterpret_cast<Av1Depay*>(base);
    auto& state = *self->state;
    const Bytes payload(static_cast<const uint8_t*>(gst_rtp_buffer_get_payload(rtp)),
                        gst_rtp_buffer_get_payload_len(rtp));
    if (GST_BUFFER_IS_DISCONT(rtp->buffer))
        start_anew(self);
    if (!payload.empty() && (payload[0] & kNewSequence)) {
        state.waiting = false;
        state.key_frame = true;
        state.unit.clear();
        state.element.clear();
    }
    if (state.waiting)
        return nullptr;
    if (!take(state, payload)) {
        GST_INFO_OBJECT(self, "a packet that cannot be used");
        start_anew(self);
        return nullptr;
    }
    if (!gst_rtp_buffer_get_marker(rtp) || state.unit.empty())
        return nullptr;
    constexpr uint8_t kDelimiter[] = {kTemporalDelimiter | kHasSize, 0};
    GstBuffer* unit = gst_buffer_new_allocate(nullptr, sizeof kDelimiter + state.unit.size(), nullptr);
    gst_buffer_fill(unit, 0, kDelimiter, sizeof kDelimiter);
    gst_buffer_fill(unit, sizeof kDelimiter, state.unit.data(), state.unit.size());
    if (!std::exchange(state.key_frame, false))
        GST_BUFFER_FLAG_SET(unit, GST_BUFFER_FLAG_DELTA_UNIT);
    state.unit.clear();
    return unit;
}

gboolean set_caps(GstRTPBaseDepayload* base, GstCaps*) {
    base->clock_rate = 90000;
    // Muxers want some frame rate.
    GstCaps* caps =
        gst_caps_new_simple("video/x-av1", "stream-format", G_TYPE_STRING, "obu-stream", "alignment",
                            G_TYPE_STRING, "tu", "framerate", GST_TYPE_FRACTION, 0, 1, nullptr);
    const bool set = gst_pad_set_caps(GST_RTP_BASE_DEPAYLOAD_SRCPAD(base), caps);
    gst_caps_unref(caps);
    return set;
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
    if (change == GST_STATE_CHANGE_READY_TO_PAUSED)
        *reinterpret_cast<Av1Depay*>(element)->state = {};
    return GST_ELEMENT_CLASS(av1_depay_parent_class)->change_state(element, change);
}

void finalize(GObject* object) {
    delete reinterpret_cast<Av1Depay*>(object)->state;
    G_OBJECT_CLASS(av1_depay_parent_class)->finalize(object);
}

}  // namespace

static void av1_depay_class_init(Av1DepayClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_av1_depay_debug, "sluiceav1depay", 0, "AV1 out of RTP");
    auto* element = GST_ELEMENT_CLASS(klass);
    auto* base = GST_RTP_BASE_DEPAYLOAD_CLASS(klass);
    G_OBJECT_CLASS(klass)->finalize = finalize;
    element->change_state = change_state;
    base->process_rtp_packet = process;
    base->set_caps = set_caps;
    gst_element_class_set_static_metadata(element, "Sluice AV1 depayloader", "Codec/Depayloader/Network/RTP",
                                          "Takes AV1 out of RTP packets", "sluice");
    static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE(
        "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS("application/x-rtp, media=video, encoding-name=AV1, clock-rate=90000"));
    static GstStaticPadTemplate src =
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                                GST_STATIC_CAPS("video/x-av1, stream-format=obu-stream, alignment=tu"));
    gst_element_class_add_static_pad_template(element, &sink);
    gst_element_class_add_static_pad_template(element, &src);
}

static void av1_depay_init(Av1Depay* self) {
    self->state = new Depay;
}

}  // namespace sluice::elements
