#include "elements/dtls_enc.h"

#include <memory>
#include <mutex>
#include <utility>

#include "elements/dtls_association.h"
#include "elements/dtls_element.h"
#include "elements/properties.h"
#include "gst/ref.h"

GST_DEBUG_CATEGORY_STATIC(sluice_dtls_enc_debug);
#define GST_CAT_DEFAULT sluice_dtls_enc_debug

namespace sluice::elements {
namespace {

enum Property : guint { kConnectionId = kDtlsOwn, kIsClient };

struct DtlsEncState {
    std::mutex mutex;  // the three below
    std::string id;
    bool is_client = false;
    std::shared_ptr<DtlsAssociation> association;  ///< From READY on.

    bool began = false;  ///< Its sticky events are out. Who sends.
};

}  // namespace

struct DtlsEnc {
    GstElement element;
    GstPad* src;
    DtlsEncState* state;
};
struct DtlsEncClass {
    GstElementClass parent;
};
G_DEFINE_TYPE(DtlsEnc, dtls_enc, GST_TYPE_ELEMENT)

namespace {

DtlsEnc* as_dtls_enc(gpointer object) {
    return static_cast<DtlsEnc*>(object);
}

std::shared_ptr<DtlsAssociation> association_of(gpointer element) {
    auto& state = *as_dtls_enc(element)->state;
    std::lock_guard lock(state.mutex);
    return state.association;
}

/// webrtcbin changes this state with a lock held that whoever hears of the keys takes, and perhaps before
/// what sends can be pushed to.
void start(GstElement* element, gpointer) noexcept {
    auto& state = *as_dtls_enc(element)->state;
    bool is_client = false;
    {
        std::lock_guard lock(state.mutex);
        is_client = state.is_client;
    }
    if (const auto association = association_of(element))
        association->start(is_client);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) {
    auto& state = *as_dtls_enc(element)->state;
    if (change == GST_STATE_CHANGE_NULL_TO_READY) {
        std::lock_guard lock(state.mutex);
        state.association = DtlsAssociation::find(state.id, element);
        if (!state.association) {
            GST_WARNING_OBJECT(element, "no dtlsdec has connection-id \"%s\"", state.id.c_str());
            return GST_STATE_CHANGE_FAILURE;
        }
    }
    if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
        if (const auto association = association_of(element))
            association->stop();
    const auto result = GST_ELEMENT_CLASS(dtls_enc_parent_class)->change_state(element, change);
    if (change == GST_STATE_CHANGE_READY_TO_PAUSED)
        gst_element_call_async(element, start, nullptr, nullptr);
    return result;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    auto& state = *as_dtls_enc(object)->state;
    std::lock_guard lock(state.mutex);
    switch (id) {
        case kConnectionId:
            state.id = g_value_get_string(value) ? g_value_get_string(value) : "";
            break;
        case kIsClient:
            state.is_client = g_value_get_boolean(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
    auto& state = *as_dtls_enc(object)->state;
    const auto association = association_of(object);
    const auto* session = association ? &association->session() : nullptr;
    std::lock_guard lock(state.mutex);
    switch (id) {
        case kConnectionId:
            return g_value_set_string(value, state.id.c_str());
        case kIsClient:
            return g_value_set_boolean(value, state.is_client);
        default:
            return get_dtls_property(id, value,
                                     association ? association->state() : DtlsSession::State::Closed,
                                     session ? session->send_key() : std::nullopt);
    }
}

void finalize(GObject* object) {
    delete as_dtls_enc(object)->state;
    G_OBJECT_CLASS(dtls_enc_parent_class)->finalize(object);
}

void begin(GstPad* src) {
    gst_pad_push_event(src, gst_event_new_stream_start("dtls"));
    const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(src));
    gst_pad_push_event(src, gst_event_new_caps(caps.get()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_pad_push_event(src, gst_event_new_segment(&segment));
}

}  // namespace

static void dtls_enc_class_init(DtlsEncClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_dtls_enc_debug, "sluicedtlsenc", 0, "the server's part of DTLS");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    element->change_state = change_state;
    element->request_new_pad = request_data_pad;
    element->release_pad = release_data_pad;
    gst_element_class_set_static_metadata(element, "Sluice DTLS encoder", "Encoder/Network/DTLS",
                                          "Sends the server's part of DTLS, with OpenSSL", "sluice");
    static GstStaticPadTemplate templates[] = {
        GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY),
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-dtls"))};
    for (auto& each : templates) gst_element_class_add_static_pad_template(element, &each);
    install_dtls_properties(object, "encoder-key", "Master key and salt of what this server protects");
    g_object_class_install_property(
        object, kConnectionId,
        g_param_spec_string("connection-id", "connection-id", "That of the dtlsdec", nullptr, kReadWrite));
    g_object_class_install_property(
        object, kIsClient,
        g_param_spec_boolean("is-client", "Is client", "Begins the handshake", FALSE, kReadWrite));
}

static void dtls_enc_init(DtlsEnc* self) {
    self->state = new DtlsEncState;
    self->src = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), "src"), "src");
    gst_element_add_pad(&self->element, self->src);
}

void send_dtls(GstElement* dtls_enc, std::span<const uint8_t> datagram) {
    auto* self = as_dtls_enc(dtls_enc);
    if (!std::exchange(self->state->began, true))
        begin(self->src);
    const auto flow = gst_pad_push(self->src, gst_buffer_new_memdup(datagram.data(), datagram.size()));
    if (flow != GST_FLOW_OK)
        GST_DEBUG_OBJECT(dtls_enc, "not sent: %s", gst_flow_get_name(flow));
}

}  // namespace sluice::elements
