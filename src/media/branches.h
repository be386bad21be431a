#pragma once

#include <memory>
#include <string>
#include <vector>

#include "media/branch.h"

namespace sluice::media {

/// The configured branches of one producer. Scheduler thread.
class Branches {
public:
    /// `recipes` outlives it and what it began.
    Branches(Surroundings& around, const std::shared_ptr<Pipeline>& pipeline,
             const std::vector<BranchRecipe>& recipes, const std::string& user_info);
    /// Ends them; their files are completed afterwards.
    ~Branches();

    /// The producer's tracks as they are now: begins what begins by itself.
    void update(const Branch::Tracks& tracks);

    // As in media.h.
    Result<BranchState> begin(std::string_view name, const BranchParameters& parameters);
    void end(std::string_view name, const Done<BranchState>& done);
    std::vector<BranchState> states() const;

private:
    Result<std::shared_ptr<Branch>> find(std::string_view name) const;

    Scheduler& scheduler_;
    std::shared_ptr<Pipeline> pipeline_;
    Branch::Tracks tracks_;
    std::vector<std::shared_ptr<Branch>> branches_;
};

}  // namespace sluice::media
