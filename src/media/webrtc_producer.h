#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gst/launch_template.h"
#include "media/branches.h"
#include "media/ingress.h"
#include "media/media.h"

namespace sluice::media {

/// One user's pipeline: an ingress, which a page reload replaces, and tracks, which outlive it. Scheduler
/// thread.
class WebrtcProducer final : public Producer {
public:
    WebrtcProducer(Surroundings& around, std::shared_ptr<Pipeline> pipeline, const gst::LaunchTemplate& chain,
                   std::vector<std::string> video_codecs, std::unique_ptr<Branches> branches,
                   std::function<Status()> may_connect, std::function<void(ConnectionState)> on_state);
    ~WebrtcProducer() override;

    void offer(std::string sdp, Done<std::string> answer) override;
    void withdraw_offer() override;
    Constraints tracks() const override;
    void set_flowing(Constraints flowing) override;
    std::unique_ptr<Consumer> consume(const std::string& user,
                                      std::function<void(ConnectionState)> on_state) override;
    ConnectionStats stats() const override;
    Result<BranchState> begin_branch(std::string_view name, const BranchParameters& parameters) override;
    void end_branch(std::string_view name, Done<BranchState> done) override;
    std::vector<BranchState> branches() const override;
    void draw(Drawing drawing, Done<std::string> done) const override;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::media
