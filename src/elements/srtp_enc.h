#pragma once

#include <memory>

#include <gst/gst.h>

#include "elements/srtp.h"

namespace sluice::elements {

/// "srtpenc", in the place of gst-plugins-bad's: what dtlssrtpenc asks of it, for the one suite that
/// DtlsSession negotiates (AES_CM_128_HMAC_SHA1_80). Theirs protects by libsrtp, which Debian builds upon
/// NSS: there a packet costs six times as much, a connection 60 kB more, and all connections share NSS's
/// locks.
///
/// Pads rtp_sink_%u to rtp_src_%u and rtcp_sink_%u to rtcp_src_%u; properties key (master key and salt),
/// rtp-cipher, rtp-auth, rtcp-cipher, rtcp-auth, random-key. Nothing passes without a key, or with another
/// suite: that is counted in dropped.
GType srtp_enc_get_type();

/// What it protects with; nothing: there is no key, or it is of another suite. Any thread.
std::shared_ptr<const SrtpKeys> srtp_keys_of(GstElement* srtp_enc);

}  // namespace sluice::elements
