#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/scheduler.h"
#include "ice/network.h"
#include "media/media.h"

namespace sluice::media {

/// media.* of the configuration.
struct Options {
    std::vector<std::string> video_codecs{"VP8", "VP9", "H264",
                                          "AV1"};  ///< The producer's order decides among them.
    std::chrono::milliseconds latency{
        200};  ///< Of the producer's jitter buffer: how long a lost packet is waited for.
    std::chrono::seconds connect_timeout{
        30};                       ///< From an answer to ICE and DTLS done; then the connection failed.
    std::string express = "auto";  ///< RTP may pass by a consumer's webrtcbin; or "off".
    std::string pipelines;         ///< The folder of the *.launch templates.
};

/// The engine on webrtcbin. An error says which plug-in or template is missing or wrong.
/// `scheduler` and `network` outlive it.
Result<std::unique_ptr<Engine>> make_engine(Scheduler& scheduler, ice::Network& network,
                                            const Options& options);

}  // namespace sluice::media
