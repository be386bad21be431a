#pragma once

#include "base/result.h"
#include "ice/network.h"

namespace sluice::media {

/// Negotiates with a webrtcbin that nobody uses. The first one of a process loads a dozen plug-ins and makes
/// the DTLS key, 130 to 500 ms on which the first call would wait. An error says that webrtcbin does not work
/// here. Blocks; any thread.
Status warm_up(ice::Network& network);

}  // namespace sluice::media
