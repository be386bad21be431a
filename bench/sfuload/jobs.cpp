#include "sfuload/jobs.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

namespace sluice::load {

using namespace std::chrono_literals;

namespace {

constexpr peer::Time kTurn = 20ms;
std::atomic<bool> was_interrupted = false;

}  // namespace

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { was_interrupted = true; };
    action.sa_flags = SA_RESETHAND | SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
    return was_interrupted;
}

bool sleep_until(peer::Time when) {
    for (peer::Time left; !interrupted() && (left = when - peer::now()) > peer::Time::zero();)
        std::this_thread::sleep_for(std::min(left, kTurn));
    return !interrupted();
}

bool sleep_for(peer::Time duration) {
    return sleep_until(peer::now() + duration);
}

bool wait_until(peer::Time limit, const std::function<bool()>& done) {
    const peer::Time end = peer::now() + limit;
    while (!done())
        if (peer::now() > end || !sleep_for(kTurn))
            return false;
    return true;
}

void run_jobs(size_t count, const std::function<void(size_t)>& job, double rate, size_t threads) {
    std::atomic<size_t> next = 0;
    const peer::Time begin = peer::now();
    std::vector<std::jthread> workers;
    for (size_t i = 0; i < std::min(count, threads); i++)
        workers.emplace_back([&] {
            for (size_t number; (number = next++) < count; job(number))
                if (rate > 0 && !sleep_until(begin + peer::Time(int64_t(double(number) / rate * 1e9))))
                    return;
        });
}

}  // namespace sluice::load
