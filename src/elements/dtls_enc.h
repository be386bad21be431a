#pragma once

#include <cstdint>
#include <span>

#include <gst/gst.h>

namespace sluice::elements {

/// "dtlsenc" and "dtlsdec" (elements/dtls_dec.h), in the place of gst-plugins-bad's: what dtlssrtpenc,
/// dtlssrtpdec and webrtcbin ask of them. Theirs send by a thread of each connection's own, keep OpenSSL's
/// buffers of 32 kB for as long as it lasts, and sign by RSA, for a millisecond of each handshake. What is
/// connected here has sent its last flight.
///
/// A dtlsenc is of the same connection as the dtlsdec with its connection-id, and must reach READY after that
/// was set. is-client counts when it goes to PAUSED. What SRTP sends is protected with encoder-key, once
/// on-key-received is emitted. Data of applications is not sent: nobody negotiates any.
GType dtls_enc_get_type();

/// One thread at a time; drops it if the element is not running.
void send_dtls(GstElement* dtls_enc, std::span<const uint8_t> datagram);

}  // namespace sluice::elements
