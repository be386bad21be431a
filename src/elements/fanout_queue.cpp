#include "elements/fanout_queue.h"

#include <pthread.h>
#include <utility>

namespace sluice::elements {

FanoutQueue::FanoutQueue(Work work) : work_(std::move(work)) {
    waiting_.reserve(kPackets);
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "sluice-fanout");
        run();
    });
}

FanoutQueue::~FanoutQueue() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wakeup_.notify_one();
    thread_.join();
    for (GstBuffer* packet : waiting_) gst_buffer_unref(packet);
}

bool FanoutQueue::push(GstBuffer* packet) {
    bool wake = false;
    {
        std::lock_guard lock(mutex_);
        if (waiting_.size() == kPackets) {
            gst_buffer_unref(packet);
            return false;
        }
        waiting_.push_back(packet);
        wake = std::exchange(asleep_, false);
    }
    if (wake)
        wakeup_.notify_one();
    return true;
}

void FanoutQueue::run() {
    std::vector<GstBuffer*> batch;
    batch.reserve(kPackets);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (waiting_.empty()) {
            asleep_ = true;
            wakeup_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            asleep_ = false;
            continue;
        }
        batch.swap(waiting_);
        lock.unlock();
        work_(batch);
        for (GstBuffer* packet : batch) gst_buffer_unref(packet);
        batch.clear();
        lock.lock();
    }
}

}  // namespace sluice::elements
