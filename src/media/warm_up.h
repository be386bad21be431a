#pragma once

#include "base/result.h"
#include "ice/network.h"

namespace sluice::media {

/// Negotiates with a webrtcbin that nobody uses: an error says that webrtcbin does not work here. And the
/// first one of a process loads plug-ins and makes the DTLS key, on which the first call would wait. Blocks;
/// any thread.
Status warm_up(ice::Network& network);

}  // namespace sluice::media
