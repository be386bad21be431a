#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ice/network.h"

namespace sluice::app {

/// Raises the soft limit of open files to the hard one.
void raise_file_limit();

/// The control groups (v2) that limit a process, by their paths below /sys/fs/cgroup: its own, and those
/// around it up to the root, which is empty. `text` is its /proc/PID/cgroup.
std::vector<std::string> control_groups(const std::string& text);

/// How many connections fit into this machine's memory, threads, memory maps and descriptors, with a margin
/// for everything else, and into the limits that its control groups set. What one of such an agent costs:
/// docs/operations.md.
size_t connections_this_machine_holds(ice::Agent agent);

}  // namespace sluice::app
