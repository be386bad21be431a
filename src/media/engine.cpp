#include "media/engine.h"

#include <utility>

#include "gst/workers.h"
#include "media/branch_recipe.h"
#include "media/log_detail.h"
#include "media/templates.h"
#include "media/warm_up.h"
#include "media/webrtc_producer.h"

namespace sluice::media {
namespace {

using namespace std::chrono_literals;

/// What every pipeline is made of; Debian's package in brackets in the message.
constexpr std::pair<const char*, const char*> kElements[] = {
    {"webrtcbin", "gstreamer1.0-plugins-bad"},   {"dtlssrtpdec", "gstreamer1.0-plugins-bad"},
    {"dtlssrtpenc", "gstreamer1.0-plugins-bad"}, {"rtpbin", "gstreamer1.0-plugins-good"},
    {"rtprtxsend", "gstreamer1.0-plugins-good"}, {"tee", "libgstreamer1.0-0"},
};

/// More than one, so that one part that takes its time does not hold up the others.
constexpr unsigned kTearDownThreads = 4;
/// Each may hang on a disk of its own.
constexpr unsigned kFileThreads = 16;

Status check_elements() {
    for (const auto& [name, package] : kElements)
        if (!gst::Ref<GstElementFactory>::adopt(gst_element_factory_find(name)))
            return Error{ErrorCode::Internal, std::string("GStreamer has no element ") + name +
                                                  " (Debian package " + package + ")"};
    return Ok{};
}

class WebrtcEngine final : public Engine {
public:
    WebrtcEngine(Scheduler& scheduler, ice::Network& network, const Options& options,
                 gst::LaunchTemplate chain, std::vector<BranchRecipe> recipes)
        : options_(options),
          chain_(std::move(chain)),
          recipes_(std::move(recipes)),
          around_{.scheduler = scheduler,
                  .network = network,
                  .latency = options.latency,
                  .connect_timeout = options.connect_timeout,
                  .express = options.express == "auto",
                  .capture_times = !recipes_.empty(),
                  .files = files_,
                  .drawings = drawings_},
          tear_down_(kTearDownThreads),
          files_(kFileThreads),
          drawings_(1) {}

    std::unique_ptr<Producer> produce(const std::string& room, const std::string& user,
                                      const std::string& user_info, std::function<Status()> may_connect,
                                      std::function<void(ConnectionState)> on_state) override {
        auto pipeline = Pipeline::create(around_.scheduler, tear_down_, room, user);
        auto branches = std::make_unique<Branches>(around_, pipeline, recipes_, user_info);
        return std::make_unique<WebrtcProducer>(around_, std::move(pipeline), chain_, options_.video_codecs,
                                                std::move(branches), std::move(may_connect),
                                                std::move(on_state));
    }

    size_t connections() const override { return around_.connections; }
    size_t open_branches() const override { return around_.open_branches; }
    ice::NetworkStats network() const override { return around_.network.stats(); }
    LogDetail log_detail() const override { return media::log_detail(); }
    Status set_log_detail(const LogDetail& detail) override { return media::set_log_detail(detail); }

private:
    Options options_;
    gst::LaunchTemplate chain_;
    std::vector<BranchRecipe> recipes_;
    Surroundings around_;
    gst::Workers tear_down_;  ///< These last, in this order: their threads end before what they use.
    gst::Workers files_;
    gst::Workers drawings_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_engine(Scheduler& scheduler, ice::Network& network,
                                            const Options& options) {
    if (const auto there = check_elements(); !there)
        return there.error();
    const auto templates = templates_of(options);
    auto chain = templates->load("track.launch");
    if (!chain)
        return chain.error();
    if (const auto builds = chain->build_example(); !builds)
        return builds.error();
    if (const auto warm = warm_up(network); !warm)
        return warm.error();
    std::vector<BranchRecipe> recipes;
    for (const auto& branch : options.branches) {
        auto recipe = BranchRecipe::make(branch, templates, options.recordings);
        if (!recipe)
            return recipe.error();
        recipes.push_back(std::move(recipe).value());
    }
    return std::unique_ptr<Engine>(std::make_unique<WebrtcEngine>(
        scheduler, network, options, std::move(chain).value(), std::move(recipes)));
}

std::shared_ptr<const Templates> templates_of(const Options& options) {
    std::vector<std::string> folders;
    for (const auto& folder : {options.pipelines, options.shipped_pipelines})
        if (!folder.empty())
            folders.push_back(folder);
    return std::make_shared<Templates>(std::move(folders));
}

Status check_templates(const Options& options) {
    const auto templates = templates_of(options);
    for (const auto& name : templates->names()) {
        const auto loaded = templates->load(name);
        if (!loaded)
            return loaded.error();
        if (const auto built = loaded->build_example(); !built)
            return built.error();
    }
    return Ok{};
}

}  // namespace sluice::media
