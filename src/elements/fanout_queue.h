#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include <gst/gst.h>

namespace sluice::elements {

/// Packets on their way to a thread, which takes all that wait at once: under load they make batches by
/// themselves, and none waits for another that has not come.
class FanoutQueue {
public:
    /// Two seconds of 6 Mbit/s. Whoever is that far behind will not catch up.
    static constexpr size_t kPackets = 1024;
    using Work =
        std::function<void(std::span<GstBuffer* const>)>;  ///< On the queue's thread; keeps no reference.

    explicit FanoutQueue(Work work);
    ~FanoutQueue();  ///< Waits for the work in hand; what still waits is dropped.
    FanoutQueue(const FanoutQueue&) = delete;
    FanoutQueue& operator=(const FanoutQueue&) = delete;

    /// Any thread, never blocks for long. (transfer full) False: it was full, and the packet has been
    /// dropped.
    bool push(GstBuffer* packet);

private:
    void run();

    Work work_;
    std::mutex mutex_;
    std::condition_variable wakeup_;
    std::vector<GstBuffer*> waiting_;  ///< Guarded by mutex_, as are the two below.
    bool asleep_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice::elements
