#include "app/capacity.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::app {
namespace {

// A connection: four threads; one descriptor; about 0.4 MB. Each
// thread's stack is two memory maps.
constexpr size_t kThreads = 5, kDescriptors = 2, kBytes = 800'000, kMapsPerThread = 3;
constexpr size_t kOtherThreads = 100, kOtherDescriptors = 200;

constexpr const char* kControlGroups = "/sys/fs/cgroup";

size_t number_in(const std::string& path) {
    std::ifstream file(path);
    size_t value = 0;
    return file >> value ? value : std::numeric_limits<size_t>::max();  // "max" in a cgroup's file
}

/// The lowest limit of that name among this process's control groups.
size_t limit_of_groups(const char* name) {
    std::ifstream file("/proc/self/cgroup");
    std::stringstream text;
    text << file.rdbuf();
    size_t lowest = std::numeric_limits<size_t>::max();
    for (const auto& group : control_groups(text.str()))
        lowest = std::min(lowest, number_in(kControlGroups + group + "/" + name));
    return lowest;
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

std::vector<std::string> control_groups(const std::string& text) {
    constexpr std::string_view kUnified = "0::/";
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line) && !line.starts_with(kUnified)) {
    }
    std::vector<std::string> groups;
    if (!line.starts_with(kUnified))
        return groups;
    auto path = line.substr(kUnified.size() - 1);
    for (; path.size() > 1; path.resize(path.rfind('/'))) groups.push_back(path);
    groups.emplace_back();
    return groups;
}

size_t connections_this_machine_holds() {
    rlimit files{}, processes{};
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NPROC, &processes);
    const size_t threads =
        std::min({number_in("/proc/sys/kernel/threads-max"), number_in("/proc/sys/kernel/pid_max"),
                  limit_of_groups("pids.max"), static_cast<size_t>(processes.rlim_cur)});
    const size_t memory =
        std::min(static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE)),
                 limit_of_groups("memory.max"));
    const size_t fits = std::min(
        {beyond(static_cast<size_t>(files.rlim_max), kOtherDescriptors) / kDescriptors,
         beyond(threads, kOtherThreads) / kThreads,
         number_in("/proc/sys/vm/max_map_count") / (kThreads * kMapsPerThread), memory / 4 * 3 / kBytes});
    return std::max<size_t>(fits, 1);
}

}  // namespace sluice::app
