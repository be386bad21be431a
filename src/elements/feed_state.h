#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "elements/feed.h"
#include "elements/timeline.h"

/// The inside of a `sluicefeed`, shared by its element (feed.cpp) and its thread (feed_thread.cpp).
namespace sluice::elements {

struct FeedPacket {
    GstBuffer* buffer;
    gint64 arrived_us;  ///< Monotonic.
    uint32_t rtp;       ///< Its time.
    bool begins;        ///< A decoder can begin here.
};

struct FeedLane {
    unsigned index;
    bool video;
    GstPad* sink;                            ///< The element's.
    std::atomic<gint64> last_arrival_us{0};  ///< Monotonic; 0: never.

    // The feed's thread.
    std::deque<FeedPacket> packets;
    size_t bytes = 0;        ///< Of them.
    GstPad* out = nullptr;   ///< In the present output; a reference.
    bool flows = false;      ///< A packet has gone to the present output.
    GstClockTime last = 0;   ///< The time of the last packet, or of the end of the last GAP.
    GstClockTime heard = 0;  ///< The time of the last packet.
};

struct FeedArrival {
    FeedLane* lane;
    GstBuffer* buffer;
    gint64 arrived_us;
};

struct OutputPad {
    unsigned output;
    unsigned lane;
    GstPad* pad;  ///< The element's.
};

struct FeedState {
    std::mutex mutex;  // all of this block
    std::condition_variable changed;
    std::deque<FeedArrival> queue;
    size_t queued_bytes = 0;
    bool running = false;
    std::vector<std::unique_ptr<FeedLane>> lanes;
    std::vector<OutputPad> outputs;
    std::optional<unsigned> wish;  ///< Of feed_switch().
    bool end = false;              ///< feed_end() was called.
    std::function<void(const FeedEvent&)> listener;
    Timeline timeline;  ///< Streams are added under the mutex, and used by the feed's thread under it.

    std::atomic<guint64> packets{0}, bytes{0}, dropped{0};
    std::atomic<gint64> pushing_since_us{0};

    // The feed's thread.
    std::optional<unsigned> present;
    bool ended = false;
    bool failed = false;     ///< The present output has refused a packet.
    GstClockTime start = 0;  ///< Of the present output.
    GstClockTime newest = 0;
    GstClockTime looked = 0;  ///< When silent lanes were last looked for.

    GRecMutex task_lock;
    GstTask* task = nullptr;
};

struct Feed {
    GstElement element;
    FeedState* state;
};

std::vector<FeedLane*> lanes_of(FeedState& state);
void forget(FeedLane& lane);
/// One turn of the feed's thread.
void feed_turn(Feed* self);

}  // namespace sluice::elements
