#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <gst/gst.h>

namespace sluice::elements {

/// `sluicefeed`: where a branch begins. It takes the RTP of some of a producer's tracks ("lanes"), and gives
/// it on to one output after another: one pad for each lane, linked to whatever the branch is made of. One
/// thread of its own pushes, so the producer never waits: what does not fit in its queue is dropped and
/// counted.
///
/// - Packets get the time of their capture, from the start of their output, by the sender's reports, and go
/// out
///   in its order.
/// - An output begins at a key frame, with the sound of that time; the one before it ends there by EOS.
/// - What comes for a lane that the present output does not have is kept for some seconds, so that the next
///   output can have it.
/// - A silent lane gets GAP events, so that a muxer does not wait for it.
///
/// Every function may be called on any thread.
GType feed_get_type();

/// What a feed tells on its own thread: copy, post, return.
struct FeedEvent {
    enum class Kind {
        Began,     ///< A lane that the present output does not have has something to begin with.
        Synced,    ///< A sender report has told the lane's time.
        Switched,  ///< The output has begun, and the one before it has ended, at `time`.
        Gap,       ///< Nothing came for the lane from `time` to `until`.
        Ended,     ///< feed_end() is carried out; the newest packet was of `time`.
    };
    Kind kind;
    unsigned lane = 0;
    unsigned output = 0;
    GstClockTime time = 0;  ///< Running time.
    GstClockTime until = 0;
};
void feed_listen(GstElement* feed, std::function<void(const FeedEvent&)> listener);

/// A lane and its sink pad (transfer full).
GstPad* feed_add_lane(GstElement* feed, bool video, uint32_t clock_rate);
/// The source pad of a lane in an output that is to come (transfer full).
GstPad* feed_add_output(GstElement* feed, unsigned output, unsigned lane);
/// Frees an output's pads; it is not the present one.
void feed_remove_output(GstElement* feed, unsigned output);

/// To that output as soon as each of its video lanes has a key frame, which is asked for; without video at
/// once. Replaces an earlier wish.
void feed_switch(GstElement* feed, unsigned output);
/// Takes the wish of feed_switch() back. False: it is being fulfilled.
bool feed_stay(GstElement* feed);
/// EOS for the present output after what is in the queue; nothing passes any more.
void feed_end(GstElement* feed);
void feed_ask_for_key_frame(GstElement* feed);

struct FeedCounters {
    uint64_t packets = 0;              ///< That went to an output.
    uint64_t bytes = 0;                ///< Of them, RTP.
    uint64_t dropped = 0;              ///< Since the queue was full, or nothing took them for too long.
    size_t queued_bytes = 0;           ///< Now.
    GstClockTime pushing = 0;          ///< For how long what is behind has not taken a packet.
    std::vector<GstClockTime> silent;  ///< For how long nothing has come, by lane; NONE: ever.
};
FeedCounters feed_counters(GstElement* feed);

}  // namespace sluice::elements
