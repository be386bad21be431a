#include "ice/control_thread.h"

#include <chrono>
#include <pthread.h>
#include <utility>

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

}  // namespace

ControlThread::ControlThread(std::function<void()> on_tick) : on_tick_(std::move(on_tick)) {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "sluice-ice");
        run();
    });
}

ControlThread::~ControlThread() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wakeup_.notify_one();
    thread_.join();
}

void ControlThread::post(std::function<void()> task) {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    wakeup_.notify_one();
}

void ControlThread::run() {
    auto next_tick = Clock::now() + 1s;
    std::unique_lock lock(mutex_);
    while (true) {
        wakeup_.wait_until(lock, next_tick, [this] { return stopping_ || !tasks_.empty(); });
        if (stopping_)
            return;
        while (!tasks_.empty() && !stopping_) {
            const auto task = std::move(tasks_.front());
            tasks_.pop_front();
            lock.unlock();
            task();
            lock.lock();
        }
        if (Clock::now() >= next_tick) {
            lock.unlock();
            on_tick_();
            lock.lock();
            next_tick = Clock::now() + 1s;
        }
    }
}

}  // namespace sluice::ice
