#pragma once

#include <optional>

#include <gst/gst.h>

#include "elements/dtls_session.h"

namespace sluice::elements {

/// What dtlssrtpenc asks of a dtlsenc and dtlssrtpdec of a dtlsdec alike; others may follow.
enum DtlsProperty : guint { kDtlsKey = 1, kDtlsCipher, kDtlsAuth, kDtlsState, kDtlsOwn };

/// `key` is the name of its key. Also the signal on-key-received.
void install_dtls_properties(GObjectClass* klass, const char* key, const char* blurb);
/// One of them.
void get_dtls_property(guint id, GValue* value, DtlsSession::State state,
                       const std::optional<DtlsSession::MasterKey>& key);

}  // namespace sluice::elements
