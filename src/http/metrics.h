#pragma once

#include <string>

#include "rooms/rooms.h"

namespace sluice::http {

/// For Prometheus, in its text format 0.0.4.
std::string metrics_text(const rooms::Totals& totals);

}  // namespace sluice::http
