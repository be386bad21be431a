#pragma once

#include "sfuload/measurement.h"
#include "sfuload/session.h"

namespace sluice::load {

/// Brings the users in, measures, and returns; an error if there was nothing to measure.
Status run_scenario(const Options& options, Session& session, Measurement& measurement);

}  // namespace sluice::load
