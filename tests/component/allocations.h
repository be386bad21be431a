#pragma once

#include <cstdint>

namespace sluice::test {

/// Whether malloc() is ours to count.
bool counts_allocations();
uint64_t allocations_of_this_thread();

}  // namespace sluice::test
