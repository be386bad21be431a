#include "elements/dtls_element.h"

#include "elements/pads.h"
#include "elements/properties.h"

namespace sluice::elements {
namespace {

constexpr guint kAes128Icm = 1, kHmacSha180 = 2;  ///< GstDtlsSrtpCipher and GstDtlsSrtpAuth.

/// dtlssrtpenc and dtlssrtpdec turn it into their own, by its number.
GType state_type() {
    using State = DtlsSession::State;
    static const GEnumValue values[] = {{static_cast<int>(State::New), "New", "new"},
                                        {static_cast<int>(State::Closed), "Closed", "closed"},
                                        {static_cast<int>(State::Failed), "Failed", "failed"},
                                        {static_cast<int>(State::Connecting), "Connecting", "connecting"},
                                        {static_cast<int>(State::Connected), "Connected", "connected"},
                                        {0, nullptr, nullptr}};
    static const GType type = g_enum_register_static("SluiceDtlsState", values);
    return type;
}

GstFlowReturn drop(GstPad*, GstObject*, GstBuffer* buffer) {
    gst_buffer_unref(buffer);
    return GST_FLOW_OK;
}

}  // namespace

void install_dtls_properties(GObjectClass* klass, const char* key, const char* blurb) {
    const auto install = [klass](guint id, GParamSpec* spec) {
        g_object_class_install_property(klass, id, spec);
    };
    install(kDtlsKey, g_param_spec_boxed(key, key, blurb, GST_TYPE_BUFFER, kReadable));
    install(kDtlsCipher,
            g_param_spec_uint("srtp-cipher", "SRTP cipher", "AES-128-ICM", 0, kAes128Icm, 0, kReadable));
    install(kDtlsAuth, g_param_spec_uint("srtp-auth", "SRTP authentication", "HMAC-SHA1-80", 0, kHmacSha180,
                                         0, kReadable));
    install(kDtlsState,
            g_param_spec_enum("connection-state", "Connection state", "", state_type(), 0, kReadable));
    g_signal_new("on-key-received", G_OBJECT_CLASS_TYPE(klass), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                 nullptr, G_TYPE_NONE, 0);
}

void get_dtls_property(guint id, GValue* value, DtlsSession::State state,
                       const std::optional<DtlsSession::MasterKey>& key) {
    switch (id) {
        case kDtlsKey:
            return g_value_take_boxed(value, key ? gst_buffer_new_memdup(key->data(), key->size()) : nullptr);
        case kDtlsCipher:
            return g_value_set_uint(value, key ? kAes128Icm : 0);
        case kDtlsAuth:
            return g_value_set_uint(value, key ? kHmacSha180 : 0);
        default:
            return g_value_set_enum(value, static_cast<int>(state));
    }
}

GstPad* request_data_pad(GstElement* element, GstPadTemplate* wanted, const gchar* name, const GstCaps*) {
    GstPad* pad = gst_pad_new_from_template(wanted, name);
    if (GST_PAD_IS_SINK(pad)) {
        gst_pad_set_chain_function(pad, drop);
        gst_pad_set_event_function(pad, drop_event);
    }
    gst_pad_set_active(pad, TRUE);
    gst_element_add_pad(element, pad);
    return pad;
}

void release_data_pad(GstElement* element, GstPad* pad) {
    gst_pad_set_active(pad, FALSE);
    gst_element_remove_pad(element, pad);
}

}  // namespace sluice::elements
