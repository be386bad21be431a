#include "media/branches.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::media {

Branches::Branches(Surroundings& around, const std::shared_ptr<Pipeline>& pipeline,
                   const std::vector<BranchRecipe>& recipes, const std::string& user_info)
    : scheduler_(around.scheduler), pipeline_(pipeline) {
    for (const auto& recipe : recipes)
        branches_.push_back(std::make_shared<Branch>(around, pipeline, recipe, user_info));
}

Branches::~Branches() {
    for (const auto& branch : branches_) branch->end("the producer stopped", std::nullopt);
}

void Branches::update(const Branch::Tracks& tracks) {
    tracks_ = tracks;
    for (const auto& branch : branches_) {
        branch->update(tracks);
        const auto& options = branch->recipe().options;
        if (options.start != BranchOptions::Start::OnProduce || branch->phase() != BranchPhase::Idle)
            continue;
        if (const auto begun = branch->begin(tracks, {}); !begun)
            log::info("a branch is skipped", {{"room", pipeline_->room()},
                                              {"user", pipeline_->user()},
                                              {"branch", options.name},
                                              {"why", begun.error().message}});
    }
}

Result<std::shared_ptr<Branch>> Branches::find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        branches_, [&](const auto& branch) { return branch->recipe().options.name == name; });
    if (found == branches_.end())
        return Error{ErrorCode::NotFound, "there is no branch \"" + std::string(name) + "\""};
    return *found;
}

Result<BranchState> Branches::begin(std::string_view name, const BranchParameters& parameters) {
    const auto branch = find(name);
    if (!branch)
        return branch.error();
    if (const auto good = (*branch)->recipe().check(parameters); !good)
        return good.error();
    if (const auto begun = (*branch)->begin(tracks_, parameters); !begun)
        return begun.error();
    return (*branch)->state();
}

void Branches::end(std::string_view name, const Done<BranchState>& done) {
    const auto branch = find(name);
    if (branch && ((*branch)->runs() || (*branch)->retries()))
        return (*branch)->end("stopped", done);
    scheduler_.post(
        [done, error = branch ? Error{ErrorCode::WrongState, "branch \"" + std::string(name) + "\" is " +
                                                                 to_string((*branch)->phase())}
                              : branch.error()] { done(error); });
}

std::vector<BranchState> Branches::states() const {
    std::vector<BranchState> states;
    for (const auto& branch : branches_) states.push_back(branch->state());
    return states;
}

}  // namespace sluice::media
