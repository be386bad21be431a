#pragma once

#include <vector>

#include "base/result.h"
#include "media/sdp/description.h"

namespace sluice::media {

/// Whether a certificate is the one that an SDP announced (RFC 8122 section 5): the hash of its DER form is
/// among `fingerprints`. The error names both hashes.
Status check_fingerprint(const char* pem, const std::vector<sdp::Fingerprint>& fingerprints);

}  // namespace sluice::media
