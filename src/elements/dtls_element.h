#pragma once

#include <optional>

#include <gst/gst.h>

#include "elements/dtls_session.h"

namespace sluice::elements {

// What dtlsenc and dtlsdec have in common: dtlssrtpenc asks it of the one, and dtlssrtpdec of the other.

/// An element's own properties follow.
enum DtlsProperty : guint { kDtlsKey = 1, kDtlsCipher, kDtlsAuth, kDtlsState, kDtlsOwn };

/// `key` is the name of its key. Also the signal on-key-received.
void install_dtls_properties(GObjectClass* klass, const char* key, const char* blurb);
/// One of them.
void get_dtls_property(guint id, GValue* value, DtlsSession::State state,
                       const std::optional<DtlsSession::MasterKey>& key);

/// Request pads, for the data of applications: nobody negotiates any, and none passes.
GstPad* request_data_pad(GstElement* element, GstPadTemplate* wanted, const gchar* name, const GstCaps*);
void release_data_pad(GstElement* element, GstPad* pad);

}  // namespace sluice::elements
