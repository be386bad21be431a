#include "elements/dtls_dec.h"

#include <memory>
#include <mutex>
#include <utility>

#include "elements/dtls_association.h"
#include "elements/dtls_element.h"
#include "elements/pads.h"
#include "elements/properties.h"

namespace sluice::elements {
namespace {

enum Property : guint { kConnectionId = kDtlsOwn, kPem, kPeerPem };

struct DtlsDecState {
    std::mutex mutex;  // the one below
    std::shared_ptr<DtlsAssociation> association;
};

}  // namespace

struct DtlsDec {
    GstElement element;
    DtlsDecState* state;
};
struct DtlsDecClass {
    GstElementClass parent;
};
G_DEFINE_TYPE(DtlsDec, dtls_dec, GST_TYPE_ELEMENT)

namespace {

DtlsDecState& state_of(gpointer element) {
    return *static_cast<DtlsDec*>(element)->state;
}

std::shared_ptr<DtlsAssociation> association_of(gpointer element) {
    auto& state = state_of(element);
    std::lock_guard lock(state.mutex);
    return state.association;
}

GstFlowReturn chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
    GstMapInfo bytes;
    if (const auto association = association_of(parent);
        association && gst_buffer_map(buffer, &bytes, GST_MAP_READ)) {
        association->receive({bytes.data, bytes.size});
        gst_buffer_unmap(buffer, &bytes);
    }
    gst_buffer_unref(buffer);
    // What comes after DTLS has failed is of no use, but no error of the network's either.
    return GST_FLOW_OK;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
    if (id != kConnectionId) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        return;
    }
    const char* name = g_value_get_string(value);
    auto made = name ? DtlsAssociation::create(name, GST_ELEMENT(object)) : nullptr;
    auto& state = state_of(object);
    std::lock_guard lock(state.mutex);
    std::swap(state.association, made);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec*) {
    const auto association = association_of(object);
    const auto* session = association ? &association->session() : nullptr;
    switch (id) {
        case kConnectionId:
            return g_value_set_string(value, association ? association->id().c_str() : nullptr);
        case kPem:
            return g_value_set_string(value, DtlsSession::certificate().c_str());
        case kPeerPem: {
            const auto pem = session ? session->peer_certificate() : std::string();
            return g_value_set_string(value, pem.empty() ? nullptr : pem.c_str());
        }
        default:
            return get_dtls_property(id, value,
                                     association ? association->state() : DtlsSession::State::Closed,
                                     session ? session->receive_key() : std::nullopt);
    }
}

void finalize(GObject* object) {
    delete static_cast<DtlsDec*>(static_cast<gpointer>(object))->state;
    G_OBJECT_CLASS(dtls_dec_parent_class)->finalize(object);
}

}  // namespace

static void dtls_dec_class_init(DtlsDecClass* klass) {
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    element->request_new_pad = request_data_pad;
    element->release_pad = release_data_pad;
    gst_element_class_set_static_metadata(element, "Sluice DTLS decoder", "Decoder/Network/DTLS",
                                          "Takes the peer's part of DTLS, with OpenSSL", "sluice");
    static GstStaticPadTemplate templates[] = {
        GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-dtls")),
        GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_REQUEST, GST_STATIC_CAPS_ANY)};
    for (auto& each : templates) gst_element_class_add_static_pad_template(element, &each);
    install_dtls_properties(object, "decoder-key", "Master key and salt of what the peer protects");
    const auto install = [object](guint id, const char* name, const char* blurb, GParamFlags flags) {
        g_object_class_install_property(object, id, g_param_spec_string(name, name, blurb, nullptr, flags));
    };
    install(kConnectionId, "connection-id", "That of the dtlsenc", kReadWrite);
    install(kPem, "pem", "The certificate of this server", kReadable);
    install(kPeerPem, "peer-pem", "The certificate that the peer has shown", kReadable);
}

static void dtls_dec_init(DtlsDec* self) {
    self->state = new DtlsDecState;
    GstPad* sink = gst_pad_new_from_template(
        gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), "sink"), "sink");
    gst_pad_set_chain_function(sink, chain);
    gst_pad_set_event_function(sink, drop_event);
    gst_element_add_pad(&self->element, sink);
}

}  // namespace sluice::elements
