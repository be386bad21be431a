#pragma once

namespace sluice::load {

/// What is being done, for people: on a terminal one line that changes, else a line each time. To standard
/// error.
[[gnu::format(printf, 1, 2)]] void progress(const char* format, ...);
void end_progress();  ///< What follows stands on a line of its own.
void be_quiet();

}  // namespace sluice::load
