#pragma once

#include <string>

#include "base/result.h"

namespace sluice::http {

/// Draws a graph by graphviz' `dot`, in a process of its own with a low priority. NotInstalled: there is no
/// `dot`. LimitReached: as many as may be are at work. Timeout: it took longer than 10 s and was ended.
/// Internal: it failed. Scheduler thread; answered on it, perhaps inside this call.
void svg_of(const std::string& dot, Done<std::string> done);

}  // namespace sluice::http
