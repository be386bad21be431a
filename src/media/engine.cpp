#include "media/engine.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "gst/reaper.h"
#include "media/warm_up.h"
#include "media/webrtc_producer.h"

namespace sluice::media {
namespace {

using namespace std::chrono_literals;

/// What every pipeline is made of; Debian's package in brackets in the message.
constexpr std::pair<const char*, const char*> kElements[] = {
    {"webrtcbin", "gstreamer1.0-plugins-bad"},   {"dtlsdec", "gstreamer1.0-plugins-bad"},
    {"srtpenc", "gstreamer1.0-plugins-bad"},     {"rtpbin", "gstreamer1.0-plugins-good"},
    {"rtprtxsend", "gstreamer1.0-plugins-good"}, {"tee", "libgstreamer1.0-0"},
};

/// More than one, so that one part that takes its time does not hold up the others.
constexpr unsigned kReapers = 4;

Status check_elements() {
    for (const auto& [name, package] : kElements)
        if (!gst::Ref<GstElementFactory>::adopt(gst_element_factory_find(name)))
            return Error{ErrorCode::Internal, std::string("GStreamer has no element ") + name +
                                                  " (Debian package " + package + ")"};
    return Ok{};
}

Result<gst::LaunchTemplate> load(const std::string& folder, const std::string& name) {
    const auto path = folder + "/" + name;
    std::ifstream file(path);
    std::stringstream text;
    if (!(text << file.rdbuf()))
        return Error{ErrorCode::Internal, path + ": cannot be read (paths.pipelines)"};
    return gst::LaunchTemplate::parse(name, text.str());
}

class WebrtcEngine final : public Engine {
public:
    WebrtcEngine(Scheduler& scheduler, ice::Network& network, const Options& options,
                 gst::LaunchTemplate chain)
        : options_(options),
          chain_(std::move(chain)),
          around_{.scheduler = scheduler,
                  .network = network,
                  .latency = options.latency,
                  .connect_timeout = options.connect_timeout,
                  .express = options.express == "auto"},
          reaper_(kReapers) {}

    std::unique_ptr<Producer> produce(const std::string& room, const std::string& user,
                                      std::function<void(ConnectionState)> on_state) override {
        auto pipeline = Pipeline::create(around_.scheduler, reaper_, room, user);
        return std::make_unique<WebrtcProducer>(around_, std::move(pipeline), chain_, options_.video_codecs,
                                                std::move(on_state));
    }

    size_t connections() const override { return around_.connections; }

private:
    Options options_;
    gst::LaunchTemplate chain_;
    Surroundings around_;
    gst::Reaper reaper_;  ///< The last member: its threads end before what they use.
};

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(Scheduler& scheduler, ice::Network& network,
                                            const Options& options) {
    if (const auto there = check_elements(); !there)
        return there.error();
    auto chain = load(options.pipelines, "track.launch");
    if (!chain)
        return chain.error();
    if (const auto builds = chain->build_example(); !builds)
        return builds.error();
    if (const auto warm = warm_up(network); !warm)
        return warm.error();
    return std::unique_ptr<Engine>(
        std::make_unique<WebrtcEngine>(scheduler, network, options, std::move(chain).value()));
}

}  // namespace sluice::media
