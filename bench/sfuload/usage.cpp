#include "sfuload/usage.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

namespace sluice::load {
namespace {

peer::Time time_of(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::string contents_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

uint64_t udp_drops() {
    // Two lines for each protocol: names, then values.
    std::istringstream lines(contents_of("/proc/net/snmp"));
    std::string names, values;
    while (std::getline(lines, names) && std::getline(lines, values)) {
        if (!names.starts_with("Udp:"))
            continue;
        std::istringstream name(names), value(values);
        for (std::string n, v; name >> n && value >> v;)
            if (n == "RcvbufErrors")
                return std::stoull(v);
    }
    return 0;
}

}  // namespace

std::optional<ProcessUsage> usage_of(int pid) {
    ProcessUsage usage;
    usage.at = peer::now();
    clockid_t clock{};
    const std::string folder = "/proc/" + std::to_string(pid);
    std::error_code error;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0)
        return std::nullopt;
    usage.cpu = time_of(clock);
    std::istringstream memory(contents_of(folder + "/statm"));
    uint64_t pages = 0, resident = 0;
    memory >> pages >> resident;
    usage.rss_bytes = resident * uint64_t(sysconf(_SC_PAGESIZE));
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/task", error))
        usage.threads += !entry.path().empty();
    for (const auto& entry : std::filesystem::directory_iterator(folder + "/fd", error))
        usage.descriptors += !entry.path().empty();
    return usage;
}

peer::Time own_cpu() {
    return time_of(CLOCK_PROCESS_CPUTIME_ID);
}

MachineUsage usage_of_machine() {
    MachineUsage usage;
    usage.at = peer::now();
    std::istringstream cpu(contents_of("/proc/stat"));
    std::string word;
    std::array<uint64_t, 8> ticks{};  // user nice system idle iowait irq softirq steal
    cpu >> word;
    for (uint64_t& t : ticks) cpu >> t;
    const auto time = [](uint64_t t) {
        return peer::Time(std::chrono::seconds(1)) * int64_t(t) / sysconf(_SC_CLK_TCK);
    };
    usage.busy = time(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]);
    usage.idle = time(ticks[3] + ticks[4]);
    usage.stolen = time(ticks[7]);
    usage.udp_drops = udp_drops();
    return usage;
}

int cores() {
    return int(sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace sluice::load
