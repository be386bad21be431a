#pragma once

#include <cstdint>
#include <optional>

#include "peer/loop.h"

namespace sluice::load {

/// What a process has used up to `at`, from /proc.
struct ProcessUsage {
    peer::Time at{};
    peer::Time
        cpu{};  ///< By its exact clock. On loopback it includes the kernel's delivery of what it sends.
    uint64_t rss_bytes = 0;
    int threads = 0;
    int descriptors = 0;
};
/// nullopt: there is no such process.
std::optional<ProcessUsage> usage_of(int pid);
peer::Time own_cpu();

/// What the whole machine has used, in sums over its cores since it was started.
struct MachineUsage {
    peer::Time at{};
    peer::Time busy{};  ///< To a tick (10 ms) of each core.
    peer::Time idle{};
    peer::Time stolen{};     ///< By other virtual machines.
    uint64_t udp_drops = 0;  ///< Of full receive buffers, of any process.
};
MachineUsage usage_of_machine();
int cores();

}  // namespace sluice::load
