#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/scheduler.h"
#include "rooms/production.h"

namespace sluice::rooms {

/// Somebody who consumes, or is to consume, a production.
struct Pair {
    std::shared_ptr<Production> production;
    std::string viewer_id;
};

/// The results in the order of the pairs; none where a later call has had a later offer of the pair
/// meanwhile: a page that got this one after that would go back to what is over.
using PairOffers = std::vector<std::optional<Result<std::string>>>;

/// Makes an offer for every pair, all at the same time, over the pair's connection; makes that first where
/// there is none. `then` gets their results, after kStepLimit at the latest; with no pairs, at once. A
/// connection whose first offer failed, or whose offer did not come in time, is freed: what it would answer
/// later nobody could place. A later offer for the pair makes it anew.
void make_offers(Scheduler& scheduler, const std::vector<Pair>& pairs, bool ice_restart,
                 std::function<void(const PairOffers&)> then);

}  // namespace sluice::rooms
