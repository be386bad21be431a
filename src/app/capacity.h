#pragma once

#include <cstddef>

namespace sluice::app {

/// Raises the soft limit of open files to the hard one.
void raise_file_limit();

/// How many connections fit into this machine's memory, threads, memory maps and descriptors, with a margin
/// for everything else. What one costs: docs/operations.md.
size_t connections_this_machine_holds();

}  // namespace sluice::app
