#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/scheduler.h"
#include "ice/network.h"
#include "media/branch_options.h"
#include "media/media.h"
#include "media/templates.h"

namespace sluice::media {

/// media.* of the configuration.
struct Options {
    std::vector<std::string> video_codecs{"VP8", "VP9", "H264",
                                          "AV1"};  ///< The producer's order decides among them.
    std::chrono::milliseconds latency{
        200};  ///< Of the producer's jitter buffer: how long a lost packet is waited for.
    std::chrono::seconds connect_timeout{
        30};                        ///< From an answer to ICE and DTLS done; then the connection failed.
    std::string express = "auto";   ///< RTP may pass by a consumer's webrtcbin; or "off".
    std::string pipelines;          ///< The user's own folder of templates, searched first; empty: none.
    std::string shipped_pipelines;  ///< The folder of those that came with the server.
    std::string recordings;         ///< What ${recordings} stands for.
    std::vector<BranchOptions> branches;
};

/// The engine on webrtcbin. An error says which plug-in or template is missing or wrong.
/// `scheduler` and `network` outlive it.
Result<std::unique_ptr<Engine>> make_engine(Scheduler& scheduler, ice::Network& network,
                                            const Options& options);

/// Whether every template of both folders can be built on this machine. After gst_init().
Status check_templates(const Options& options);
/// The user's own and the server's.
std::shared_ptr<const Templates> templates_of(const Options& options);

}  // namespace sluice::media
