#include <algorithm>
#include <utility>

#include "base/log.h"
#include "media/branch.h"
#include "media/leftovers.h"

/// How segments and branches end: well, badly, or by being stuck.
namespace sluice::media {
namespace {

using namespace std::chrono_literals;

/// From the EOS of a segment to its end.
constexpr auto kEndLimit = 10s;
/// What is behind has not taken a packet, or has not written anything, for so long: it is stuck.
constexpr GstClockTime kStuck = 5 * GST_SECOND;
constexpr auto kNoGrowth = 10s;
constexpr uint64_t kNoGrowthBytes = 100'000;

}  // namespace

void Branch::close_segment(Running running, GstClockTime end, const std::string& how) {
    running.sidecar.duration_ms = ms_into(running, end);
    running.sidecar.ended = how;
    running.sidecar.finisher.clear();
    past_ms_ += *running.sidecar.duration_ms;
    if (running.eos)
        return finish(running);
    const auto number = running.segment->number();
    closing_.push_back(std::move(running));
    around_.scheduler.after(kEndLimit, [weak = weak_from_this(), run = run_, number] {
        const auto self = weak.lock();
        if (self && self->run_ == run && std::ranges::any_of(self->closing_, [&](const Running& each) {
                return each.segment->number() == number;
            }))
            self->fail("the end of a segment does not come through in " + std::to_string(kEndLimit.count()) +
                       " s: an element is stuck");
    });
}

void Branch::on_eos(const std::string& segment) {
    if (present_ && present_->segment->name() == segment)
        present_->eos = true;
    const auto closed =
        std::ranges::find_if(closing_, [&](const Running& each) { return each.segment->name() == segment; });
    if (closed == closing_.end())
        return;
    const auto running = std::move(*closed);
    closing_.erase(closed);
    finish(running);
}

void Branch::finish(const Running& running) {
    finishing_++;
    work("end of " + running.segment->name(),
         [self = shared_from_this(), run = run_, segment = running.segment, sidecar = running.sidecar] {
             const auto done = segment->finish(sidecar);
             self->around_.scheduler.post([self, run, segment, sidecar, done] {
                 self->finishing_--;
                 if (self->run_ != run)
                     return self->check_ended();
                 if (!done)
                     return self->fail(done.error().message);
                 log::info("a branch's segment is complete",
                           {{"room", sidecar.room},
                            {"user", sidecar.user},
                            {"branch", sidecar.branch},
                            {"file", segment->path()},
                            {"duration_ms", std::to_string(sidecar.duration_ms.value_or(0))},
                            {"ended", sidecar.ended}});
                 self->check_ended();
             });
         });
}

void Branch::on_error(const std::string& segment, const std::string& text) {
    if (phase_ != BranchPhase::Failed && phase_ != BranchPhase::Ended)
        fail((segment.empty() ? "" : segment + ": ") + text);
}

/// Fails what is stuck; has what is written brought to the disk, once a second.
void Branch::watch_progress() {
    const auto counters = elements::feed_counters(feed_.get());
    if (counters.pushing > kStuck)
        return fail("what is behind has not taken a packet for " + std::to_string(kStuck / GST_SECOND) +
                    " s: an element is stuck");
    const auto now = around_.scheduler.now();
    if (!present_ || syncing_ || now - synced_ < 1s || present_->segment->path().empty())
        return;
    if (now - present_->grown > kNoGrowth && counters.bytes > present_->bytes_at_growth + kNoGrowthBytes)
        return fail("nothing has been written for " + std::to_string(kNoGrowth.count()) +
                    " s: an element is stuck");
    syncing_ = true;
    synced_ = now;
    work("sync of " + present_->segment->name(),
         [self = shared_from_this(), run = run_, segment = present_->segment] {
             const auto size = segment->sync();
             self->around_.scheduler.post([self, run, segment, size] {
                 self->syncing_ = false;
                 if (self->run_ != run || !self->feed_)
                     return;
                 if (!size)
                     return self->fail(size.error().message);
                 auto& present = self->present_;
                 if (!present || present->segment != segment || *size <= present->size)
                     return;
                 present->size = *size;
                 present->grown = self->around_.scheduler.now();
                 present->bytes_at_growth = elements::feed_counters(self->feed_.get()).bytes;
             });
         });
}

void Branch::end(const std::string& ended, std::optional<Done<BranchState>> done) {
    if (phase_ == BranchPhase::Ending)
        return;
    done_ = std::move(done);
    ended_ = ended;
    if (!runs()) {  // It will not be tried again.
        phase_ = BranchPhase::Ended;
        return answer();
    }
    phase_ = BranchPhase::Ending;
    for (auto& lane : lanes_) lane.tap.reset();
    if (!present_ && has_news())
        consider();  // What it has kept while it waited for sender reports becomes a file yet.
    else
        end_feed();
}

void Branch::end_feed() {
    feed_ending_ = true;
    if (next_ && elements::feed_stay(feed_.get()))
        give_back(std::exchange(next_, nullptr));
    elements::feed_end(feed_.get());
}

void Branch::check_ended() {
    if (phase_ != BranchPhase::Ending || !feed_ended_ || present_ || next_ || opening_ || !closing_.empty() ||
        finishing_ > 0)
        return;
    phase_ = BranchPhase::Ended;
    tear_down();
    answer();
}

void Branch::answer() {
    if (const auto done = std::exchange(done_, std::nullopt))
        around_.scheduler.post([done = *done, state = state()] {
            if (state.error.empty())
                done(state);
            else
                done(Error{ErrorCode::Internal, "branch \"" + state.name + "\": " + state.error});
        });
    open_ = {};
    self_ = {};
}

void Branch::fail(const std::string& why) {
    if (!feed_)
        return;
    error_ = why;
    log::error("a branch failed", {{"room", pipeline_->room()},
                                   {"user", pipeline_->user()},
                                   {"branch", recipe_.options.name},
                                   {"error", why}});
    const bool ending = phase_ == BranchPhase::Ending;
    phase_ = BranchPhase::Failed;
    std::vector<Running> torn = std::exchange(closing_, {});
    if (present_) {
        present_->sidecar.duration_ms = ms_into(*present_, gst_element_get_current_running_time(feed_.get()));
        past_ms_ += *present_->sidecar.duration_ms;
        torn.push_back(*std::exchange(present_, std::nullopt));
    }
    if (next_)
        give_back(std::exchange(next_, nullptr));
    for (auto& running : torn) {
        running.sidecar.ended = "error: " + why;
        running.sidecar.finisher = recipe_.chain.finisher();
        work("torn " + running.segment->name(),
             [segment = running.segment, sidecar = running.sidecar, templates = recipe_.templates] {
                 segment->abandon(sidecar);
                 if (segment->path().empty())
                     return;
                 if (const auto done = finish_leftover(segment->path(), *templates, sidecar.ended); !done)
                     log::error("a torn recording could not be completed; it will be tried at the next start",
                                {{"file", segment->path()}, {"error", done.error().message}});
             });
    }
    tear_down();
    if (recipe_.options.retry.count() == 0 || ending)
        return answer();
    around_.scheduler.after(recipe_.options.retry, [weak = weak_from_this(), run = run_] {
        const auto self = weak.lock();
        if (self && self->run_ == run && self->phase_ == BranchPhase::Failed)
            self->try_again();
    });
}

void Branch::try_again() {
    lanes_.clear();
    log::info("a branch is tried again",
              {{"room", pipeline_->room()}, {"user", pipeline_->user()}, {"branch", recipe_.options.name}});
    set_up();
    add_lanes();
}

/// The bin leaves the pipeline; segments have been given to the workers before.
void Branch::tear_down() {
    const auto counters = elements::feed_counters(feed_.get());
    past_.packets += counters.packets;
    past_.bytes += counters.bytes;
    past_.dropped += counters.dropped;
    for (auto& lane : lanes_) lane.tap.reset();
    pipeline_->unwatch(bin_.get());
    elements::feed_listen(feed_.get(), {});
    feed_ = {};
    opening_ = false;
    work("branch " + recipe_.options.name, [bin = std::move(bin_), pipeline = pipeline_, states = states_] {
        const std::lock_guard lock(*states);
        gst_element_set_locked_state(bin.get(), TRUE);
        gst_element_set_state(bin.get(), GST_STATE_NULL);
        gst_bin_remove(pipeline->bin(), bin.get());
    });
    bin_ = {};
}

void Branch::work(const std::string& what, std::function<void()> job) {
    around_.files.run(what + " of " + pipeline_->user() + " in " + pipeline_->room(),
                      [open = open_, job = std::move(job)] { job(); });
}

}  // namespace sluice::media
