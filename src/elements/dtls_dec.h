#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// "dtlsdec", in the place of gst-plugins-bad's, for the reasons that dtls_enc.h gives.
///
/// Takes what the peer sends at its sink. What SRTP receives is opened with decoder-key, and the peer has
/// shown the certificate peer-pem, once on-key-received is emitted. An error is posted when DTLS has failed.
/// `pem` is the server's certificate, without its key. Nothing ever leaves by a src pad.
GType dtls_dec_get_type();

}  // namespace sluice::elements
