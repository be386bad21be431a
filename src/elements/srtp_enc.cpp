#include "elements/srtp_enc.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "elements/pads.h"
#include "elements/properties.h"
#include "elements/rtp_packet.h"
#include "elements/srtp.h"
#include "gst/ref.h"

GST_DEBUG_CATEGORY_STATIC(sluice_srtp_enc_debug);
#define GST_CAT_DEFAULT sluice_srtp_enc_debug

namespace sluice::elements {
namespace {

enum Property { kKey = 1, kRtpCipher, kRtpAuth, kRtcpCipher, kRtcpAuth, kRandomKey, kDropped };
constexpr int kAes128Icm = 1, kHmacSha180 = 2;
constexpr uint32_t kIndexMask = 0x7fffffff;

/// dtlssrtpenc looks both types up by name, and values by nick.
GType enum_type(const char* name, const GEnumValue* values) {
    const GType type = g_type_from_name(name);
    return type != 0 ? type : g_enum_register_static(name, values);
}

GType cipher_type() {
    static const GEnumValue values[] = {
        {0, "NULL", "null"}, {kAes128Icm, "AES-128-ICM", "aes-128-icm"}, {0, nullptr, nullptr}};
    return enum_type("GstSrtpCipherType", values);
}

GType auth_type() {
    static const GEnumValue values[] = {{0, "NULL", "null"},
                                        {1, "HMAC-SHA1-32", "hmac-sha1-32"},
                                        {kHmacSha180, "HMAC-SHA1-80", "hmac-sha1-80"},
                                        {0, nullptr, nullptr}};
    return enum_type("GstSrtpAuthType", values);
}

struct SrtpEncState {
    /// Makes what follows from the key. Locked.
    bool is_ready();

    std::mutex mutex;  // all below
    gst::Ref<GstBuffer> key;
    int rtp_cipher = kAes128Icm, rtp_auth = kHmacSha180, rtcp_cipher = kAes128Icm, rtcp_auth = kHmacSha180;
    bool random_key = false;
    bool changed = false;  ///< One of them, since the ciphers were made.
    std::shared_ptr<const SrtpKeys> keys;
    std::unique_ptr<SrtpCipher> rtp, rtcp;
    std::unordered_map<uint32_t, RollOver> roll_overs;  ///< By SSRC, as below.
    std::unordered_map<uint32_t, uint32_t> rtcp_indexes;
    guint64 dropped = 0;
    unsigned next_pad = 0;
};

bool SrtpEncState::is_ready() {
    if (std::exchange(changed, false)) {
        keys.reset();
        roll_overs.clear();
        rtcp_indexes.clear();
        GstMapInfo bytes;
        const bool is_ours = rtp_cipher == kAes128Icm && rtcp_cipher == kAes128Icm &&
                             rtp_auth == kHmacSha180 && rtcp_auth == kHmacSha180;
        if (is_ours && key && gst_buffer_map(key.get(), &bytes, GST_MAP_READ)) {
            keys = SrtpKeys::derive({bytes.data, bytes.size});
            if (keys) {
                rtp = std::make_unique<SrtpCipher>(keys, SrtpCipher::Kind::Rtp);
                rtcp = std::make_unique<SrtpCipher>(keys, SrtpCipher::Kind::Rtcp);
            }
            gst_buffer_unmap(key.get(), &bytes);
        }
    }
    return keys != nullptr;
}

}  // namespace

struct SrtpEnc {
    GstElement element;
    SrtpEncState* state;
};
struct SrtpEncClass {
    GstElementClass parent;
};
G_DEFINE_TYPE(SrtpEnc, srtp_enc, GST_TYPE_ELEMENT)

namespace {

SrtpEncState& state_of(gpointer element) {
    return *static_cast<SrtpEnc*>(element)->state;
}

/// `protect` writes to its last argument, and says how much; 0: it is no such packet.
template <typename Protect>
GstFlowReturn chain(GstPad* pad, GstObject* parent, GstBuffer* buffer, size_t more, const Protect& protect) {
    const auto plain = gst::Ref<GstBuffer>::adopt(buffer);
    auto& state = state_of(parent);
    GstMapInfo in, out;
    if (!gst_buffer_map(buffer, &in, GST_MAP_READ))
        return GST_FLOW_ERROR;
    auto result = gst::Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, in.size + more, nullptr));
    size_t size = 0;
    if (gst_buffer_map(result.get(), &out, GST_MAP_WRITE)) {
        std::lock_guard lock(state.mutex);
        if (state.is_ready())
            size = protect(state, in, out.data);
        if (size == 0)
            state.dropped++;
        gst_buffer_unmap(result.get(), &out);
    }
    gst_buffer_unmap(buffer, &in);
    if (size == 0) {
        GST_DEBUG_OBJECT(pad, "dropped: not a packet, or there is no key of AES_CM_128_HMAC_SHA1_80");
        return GST_FLOW_OK;
    }
    gst_buffer_copy_into(result.get(), buffer, GST_BUFFER_COPY_METADATA, 0, static_cast<gsize>(-1));
    return gst_pad_push(joined_pad(pad), result.release());
}

GstFlowReturn chain_rtp(GstPad* pad, GstObject* parent, GstBuffer* buffer) {
    return chain(pad, parent, buffer, SrtpKeys::kTag,
                 [](SrtpEncState& state, const GstMapInfo& in, uint8_t* out) -> size_t {
                     RtpPacket rtp;
                     if (!rtp.parse_header(in.data, in.size))
                         return 0;
                     const uint32_t wraps = state.roll_overs[rtp.ssrc()].of(rtp.sequence());
                     return state.rtp->protect(in.data, in.size, rtp.payload, rtp.sequence(), wraps, out);
                 });
}

GstFlowReturn chain_rtcp(GstPad* pad, GstObject* parent, GstBuffer* buffer) {
    return chain(pad, parent, buffer, SrtpKeys::kRtcpTrailer,
                 [](SrtpEncState& state, const GstMapInfo& in, uint8_t* out) -> size_t {
                     if (in.size < SrtpKeys::kRtcpHeader)
                         return 0;
                     auto& index = state.rtcp_indexes[GST_READ_UINT32_BE(in.data + 4)];
                     index = (index + 1) & kIndexMask;
                     return state.rtcp->protect_rtcp(in.data, in.size, index, out);
                 });
}

gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS)
        return gst_pad_event_default(pad, parent, event);
    gst_event_unref(event);
    GstPad* src = joined_pad(pad);
    const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(src));
    return gst_pad_set_caps(src, caps.get());
}

GstPad* request_new_pad(GstElement* element, GstPadTemplate* wanted, const gchar* name, const GstCaps*) {
    auto& state = state_of(element);
    const bool is_rtcp = g_str_has_prefix(GST_PAD_TEMPLATE_NAME_TEMPLATE(wanted), "rtcp");
    unsigned number = 0;
    {
        std::lock_guard lock(state.mutex);
        if (!name || std::sscanf(name, "%*[a-z]_sink_%u", &number) != 1)
            number = state.next_pad;
        state.next_pad = std::max(state.next_pad, number + 1);
    }
    const auto make = [&](const char* direction) {
        const std::string prefix = std::string(is_rtcp ? "rtcp_" : "rtp_") + direction;
        GstPad* pad = gst_pad_new_from_template(
            gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), (prefix + "_%u").c_str()),
            (prefix + "_" + std::to_string(number)).c_str());
        gst_pad_set_active(pad, TRUE);
        return pad;
    };
    GstPad* sink = make("sink");
    GstPad* src = make("src");
    gst_pad_set_chain_function(sink, is_rtcp ? chain_rtcp : chain_rtp);
    gst_pad_set_event_function(sink, sink_event);
    join_pads(sink, src);
    gst_element_add_pad(element, src);
    gst_element_add_pad(element, sink);
    return sink;
}

void release_pad(GstElement* element, GstPad* sink) {
    GstPad* src = joined_pad(sink);
    for (GstPad* pad : {sink, src}) {
        gst_pad_set_active(pad, FALSE);
        gst_element_remove_pad(element, pad);
    }
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    auto& state = state_of(object);
    std::lock_guard lock(state.mutex);
    state.changed = true;
    switch (id) {
        case kKey:
            state.key = gst::Ref<GstBuffer>::retain(gst_value_get_buffer(value));
            break;
        case kRtpCipher:
            state.rtp_cipher = g_value_get_enum(value);
            break;
        case kRtpAuth:
            state.rtp_auth = g_value_get_enum(value);
            break;
        case kRtcpCipher:
            state.rtcp_cipher = g_value_get_enum(value);
            break;
        case kRtcpAuth:
            state.rtcp_auth = g_value_get_enum(value);
            break;
        case kRandomKey:
            state.random_key = g_value_get_boolean(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
    auto& state = state_of(object);
    std::lock_guard lock(state.mutex);
    switch (id) {
        case kKey:
            return gst_value_set_buffer(value, state.key.get());
        case kRtpCipher:
            return g_value_set_enum(value, state.rtp_cipher);
        case kRtpAuth:
            return g_value_set_enum(value, state.rtp_auth);
        case kRtcpCipher:
            return g_value_set_enum(value, state.rtcp_cipher);
        case kRtcpAuth:
            return g_value_set_enum(value, state.rtcp_auth);
        case kRandomKey:
            return g_value_set_boolean(value, state.random_key);
        case kDropped:
            return g_value_set_uint64(value, state.dropped);
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void finalize(GObject* object) {
    delete static_cast<SrtpEnc*>(static_cast<gpointer>(object))->state;
    G_OBJECT_CLASS(srtp_enc_parent_class)->finalize(object);
}

}  // namespace

static void srtp_enc_class_init(SrtpEncClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_srtp_enc_debug, "sluicesrtpenc", 0, "protects what leaves");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    element->request_new_pad = request_new_pad;
    element->release_pad = release_pad;
    gst_element_class_set_static_metadata(element, "Sluice SRTP encoder", "Filter/Network/SRTP",
                                          "Protects RTP and RTCP by AES_CM_128_HMAC_SHA1_80, with OpenSSL",
                                          "sluice");
    static GstStaticPadTemplate templates[] = {
        GST_STATIC_PAD_TEMPLATE("rtp_sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                                GST_STATIC_CAPS("application/x-rtp")),
        GST_STATIC_PAD_TEMPLATE("rtp_src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                GST_STATIC_CAPS("application/x-srtp")),
        GST_STATIC_PAD_TEMPLATE("rtcp_sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
                                GST_STATIC_CAPS("application/x-rtcp")),
        GST_STATIC_PAD_TEMPLATE("rtcp_src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
                                GST_STATIC_CAPS("application/x-srtcp"))};
    for (auto& each : templates) gst_element_class_add_static_pad_template(element, &each);
    const auto install = [object](guint id, GParamSpec* spec) {
        g_object_class_install_property(object, id, spec);
    };
    install(kKey, g_param_spec_boxed("key", "Key", "Master key and salt", GST_TYPE_BUFFER, kReadWrite));
    install(kRtpCipher,
            g_param_spec_enum("rtp-cipher", "RTP cipher", "", cipher_type(), kAes128Icm, kReadWrite));
    install(kRtpAuth,
            g_param_spec_enum("rtp-auth", "RTP authentication", "", auth_type(), kHmacSha180, kReadWrite));
    install(kRtcpCipher,
            g_param_spec_enum("rtcp-cipher", "RTCP cipher", "", cipher_type(), kAes128Icm, kReadWrite));
    install(kRtcpAuth,
            g_param_spec_enum("rtcp-auth", "RTCP authentication", "", auth_type(), kHmacSha180, kReadWrite));
    install(kRandomKey,
            g_param_spec_boolean("random-key", "Random key", "Without effect: nothing passes without a key",
                                 FALSE, kReadWrite));
    install_counter(object, kDropped, "dropped", "Packets without a key");
}

static void srtp_enc_init(SrtpEnc* self) {
    self->state = new SrtpEncState;
}

std::shared_ptr<const SrtpKeys> srtp_keys_of(GstElement* srtp_enc) {
    auto& state = state_of(srtp_enc);
    std::lock_guard lock(state.mutex);
    return state.is_ready() ? state.keys : nullptr;
}

}  // namespace sluice::elements
