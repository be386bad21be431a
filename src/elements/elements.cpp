#include "elements/elements.h"

#include <openssl/crypto.h>

#include "elements/dtls_dec.h"
#include "elements/dtls_enc.h"
#include "elements/fanout.h"
#include "elements/feed.h"
#include "elements/gate.h"
#include "elements/reorder.h"
#include "elements/srtp_dec.h"
#include "elements/srtp_enc.h"
#include "elements/template_elements.h"
#include "elements/track.h"

namespace sluice::elements {

void init() {
    // Threads of GLib's pool end when they like, exit() or not. One that has used DTLS and ends after
    // OpenSSL's clean-up frees into what is gone, or leaks (OPENSSL_init_crypto(3), OPENSSL_INIT_NO_ATEXIT).
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    gst_element_register(nullptr, "sluicetrack", GST_RANK_NONE, track_get_type());
    gst_element_register(nullptr, "sluicefanout", GST_RANK_NONE, fanout_get_type());
    gst_element_register(nullptr, "sluicefeed", GST_RANK_NONE, feed_get_type());
    gst_element_register(nullptr, "sluicegate", GST_RANK_NONE, gate_get_type());
    gst_element_register(nullptr, "sluicereorder", GST_RANK_NONE, reorder_get_type());
    register_template_elements(nullptr);
    // dtlssrtpenc and dtlssrtpdec come with a dtlsenc and a dtlsdec: who is registered last is taken.
    if (GstPlugin* dtls = gst_plugin_load_by_name("dtls"))
        gst_object_unref(dtls);
    gst_element_register(nullptr, "dtlsdec", GST_RANK_NONE, dtls_dec_get_type());
    gst_element_register(nullptr, "dtlsenc", GST_RANK_NONE, dtls_enc_get_type());
    gst_element_register(nullptr, "srtpdec", GST_RANK_NONE, srtp_dec_get_type());
    gst_element_register(nullptr, "srtpenc", GST_RANK_NONE, srtp_enc_get_type());
}

}  // namespace sluice::elements
