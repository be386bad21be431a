#include "app/capacity.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::app {
namespace {

// A connection: four threads; one descriptor; about 0.4 MB. Each
// thread's stack is two memory maps.
constexpr size_t kThreads = 5, kDescriptors = 2, kBytes = 800'000, kMapsPerThread = 3;
constexpr size_t kOtherThreads = 100, kOtherDescriptors = 200;

size_t number_in(const char* path) {
    std::ifstream file(path);
    size_t value = 0;
    return file >> value ? value : std::numeric_limits<size_t>::max();  // "max" in a cgroup's file
}

size_t beyond(size_t all, size_t others) {
    return all > others ? all - others : 0;
}

}  // namespace

void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

size_t connections_this_machine_holds() {
    rlimit files{}, processes{};
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NPROC, &processes);
    const size_t threads =
        std::min({number_in("/proc/sys/kernel/threads-max"), number_in("/proc/sys/kernel/pid_max"),
                  number_in("/sys/fs/cgroup/pids.max"), static_cast<size_t>(processes.rlim_cur)});
    const size_t memory =
        std::min(static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE)),
                 number_in("/sys/fs/cgroup/memory.max"));
    const size_t fits = std::min(
        {beyond(static_cast<size_t>(files.rlim_max), kOtherDescriptors) / kDescriptors,
         beyond(threads, kOtherThreads) / kThreads,
         number_in("/proc/sys/vm/max_map_count") / (kThreads * kMapsPerThread), memory / 4 * 3 / kBytes});
    return std::max<size_t>(fits, 1);
}

}  // namespace sluice::app
