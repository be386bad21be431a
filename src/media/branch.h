#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "elements/feed.h"
#include "media/branch_recipe.h"
#include "media/branch_tap.h"
#include "media/connection.h"
#include "media/media.h"
#include "media/segment.h"

namespace sluice::media {

/// A configured branch of one producer, once: a bin of its own in the producer's pipeline, in which one
/// segment of the template follows another.
///
///     tee -> [sluicegate] -> | [sluicefeed] -> segment 1, segment 2 ... |
///
/// Whatever happens in it ends there. Scheduler thread.
class Branch : public std::enable_shared_from_this<Branch> {
public:
    using Tracks = std::vector<std::shared_ptr<Track>>;

    Branch(Surroundings& around, std::shared_ptr<Pipeline> pipeline, const BranchRecipe& recipe,
           std::string user_info);
    ~Branch();

    const BranchRecipe& recipe() const { return recipe_; }
    BranchPhase phase() const { return phase_; }
    bool runs() const { return phase_ == BranchPhase::Waiting || phase_ == BranchPhase::Running; }
    /// It has failed and will be tried again.
    bool retries() const { return phase_ == BranchPhase::Failed && self_; }
    BranchState state() const;

    /// WrongState: it runs, or no track fits.
    Status begin(const Tracks& tracks, const BranchParameters& parameters);
    /// The producer's tracks have changed.
    void update(const Tracks& tracks);
    /// `ended` says how, in the file beside the recording. It stays alive until its files are complete.
    void end(const std::string& ended, std::optional<Done<BranchState>> done);

private:
    struct Lane {
        std::shared_ptr<Track> track;
        std::unique_ptr<BranchTap> tap;
        gst::Ref<GstPad> sink;  ///< The bin's.
        bool began = false;     ///< It has something that no segment has taken.
        bool synced = false;
    };
    struct Running {
        std::shared_ptr<Segment> segment;
        Sidecar sidecar;
        GstClockTime start = 0;
        uint64_t bytes_before = 0;  ///< Of the feed when it began.
        uint64_t size = 0;          ///< Of its file.
        uint64_t bytes_at_growth = 0;
        Scheduler::Duration grown{};  ///< When the file has last been longer than before.
        bool eos = false;             ///< It has come through to the end.
    };

    Status fits(const Tracks& tracks) const;
    void add_lanes();
    void set_up();
    void tear_down();

    void on_feed(const elements::FeedEvent& event);
    void on_eos(const std::string& segment);
    void on_error(const std::string& segment, const std::string& text);
    void on_switched(const elements::FeedEvent& event);

    void tick(unsigned run);
    void consider();
    bool has_news() const;
    bool split_is_due() const;
    void watch_progress();
    std::vector<unsigned> lanes_that_flow() const;
    void open_segment(std::vector<unsigned> lanes, std::string why);
    void on_opened(Result<std::shared_ptr<Segment>> opened);
    void give_back(const std::shared_ptr<Segment>& segment);
    void close_segment(Running running, GstClockTime end, const std::string& how);
    void end_feed();
    void finish(const Running& running);
    void describe(const Running& running);
    void fail(const std::string& why);
    void try_again();
    void check_ended();
    void answer();
    void work(const std::string& what, std::function<void()> job);
    Placeholders placeholders(const std::vector<unsigned>& lanes, unsigned number) const;
    uint64_t ms_into(const Running& running, GstClockTime time) const;

    Surroundings& around_;
    std::shared_ptr<Pipeline> pipeline_;
    const BranchRecipe& recipe_;
    std::string user_info_;
    BranchParameters parameters_;
    Tracks tracks_;  ///< The producer's.

    BranchPhase phase_ = BranchPhase::Idle;
    /// A segment is set going, or the bin is stopped: GstBin does not stop the rest where a child is being
    /// started.
    std::shared_ptr<std::mutex> states_ = std::make_shared<std::mutex>();
    std::string error_;
    std::string started_;       ///< RFC 3339.
    std::string started_name_;  ///< The same for file names.
    std::vector<std::string> files_;
    elements::FeedCounters past_;  ///< Of feeds that are gone.
    uint64_t past_ms_ = 0;
    unsigned segments_ = 0;

    // One run: from begin() or a retry to the end or a failure.
    unsigned run_ = 0;
    gst::Ref<GstElement> bin_;
    gst::Ref<GstElement> feed_;
    std::vector<Lane> lanes_;
    std::optional<Scheduler::Duration> first_began_;
    Scheduler::Duration asked_for_key_frame_{};
    bool opening_ = false;
    std::string why_;                ///< The segment after the present one begins.
    std::shared_ptr<Segment> next_;  ///< It waits for a key frame.
    Scheduler::Duration next_since_{};
    std::optional<Running> present_;
    std::vector<Running> closing_;  ///< They have had their EOS; how it ended is in the sidecar.
    unsigned finishing_ = 0;        ///< Given to a worker to be finished.
    bool syncing_ = false;
    Scheduler::Duration synced_{};
    bool feed_ending_ = false;
    bool feed_ended_ = false;
    std::string ended_;  ///< Of end().
    std::optional<Done<BranchState>> done_;
    std::shared_ptr<Branch> self_;  ///< While there is something to complete.
    std::shared_ptr<void>
        open_;  ///< Shared with what the workers have of it: one that is open, until all is done.
};

}  // namespace sluice::media
