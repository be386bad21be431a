#include "app/capacity.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <sys/resource.h>
#include <unistd.h>

namespace sluice::app {
namespace {

/// Of a connection, with a margin.
struct Cost {
    size_t threads, descriptors;
};
constexpr Cost kLite{.threads = 4, .descriptors = 2};  // Three, and one.
constexpr Cost kFull{.threads = 6, .descriptors = 6};  // Five of each: libnice has some of its own.
constexpr size_t kBytes = 800'000;                     // About half of it.
constexpr size_t kMapsPerThread = 3;                   // A stack is two.
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

size_t connections_this_machine_holds(ice::Agent agent) {
    const Cost& cost = agent == ice::Agent::Lite ? kLite : kFull;
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
        {beyond(static_cast<size_t>(files.rlim_max), kOtherDescriptors) / cost.descriptors,
         beyond(threads, kOtherThreads) / cost.threads,
         number_in("/proc/sys/vm/max_map_count") / (cost.threads * kMapsPerThread), memory / 4 * 3 / kBytes});
    return std::max<size_t>(fits, 1);
}

}  // namespace sluice::app
