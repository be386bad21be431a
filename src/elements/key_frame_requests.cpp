#include "elements/key_frame_requests.h"

#include <utility>

namespace sluice::elements {

void KeyFrameRequests::ask(GstClock* clock) {
    {
        std::lock_guard lock(mutex_);
        gst_object_replace(reinterpret_cast<GstObject**>(&clock_), GST_OBJECT(clock));
        wanted_ = true;
        given_up_ = false;
        tries_ = 0;
        if (GST_CLOCK_TIME_IS_VALID(last_sent_) && gst_clock_get_time(clock) < last_sent_ + kInterval)
            return wait_until(last_sent_ + kInterval);
    }
    send_if_wanted();
}

void KeyFrameRequests::answered() {
    std::lock_guard lock(mutex_);
    wanted_ = false;
    given_up_ = false;
}

void KeyFrameRequests::stop() {
    std::lock_guard lock(mutex_);
    wanted_ = false;
    given_up_ = false;
    cancel();
    gst_clear_object(&clock_);
}

void KeyFrameRequests::cancel() {
    if (!timer_)
        return;
    gst_clock_id_unschedule(timer_);
    gst_clock_id_unref(timer_);
    timer_ = nullptr;
}

void KeyFrameRequests::wait_until(GstClockTime time) {
    struct Timer {
        KeyFrameRequests* self;
        GstElement* owner;
    };
    if (timer_)
        return;
    timer_ = gst_clock_new_single_shot_id(clock_, time);
    // The clock's thread serves the whole process (DTLS's time-outs too), so the request goes out on another.
    gst_clock_id_wait_async(
        timer_,
        [](GstClock*, GstClockTime, GstClockID, gpointer data) -> gboolean {
            const auto* timer = static_cast<Timer*>(data);
            gst_element_call_async(
                timer->owner,
                [](GstElement*, gpointer self) noexcept { static_cast<KeyFrameRequests*>(self)->on_time(); },
                timer->self, nullptr);
            return TRUE;
        },
        new Timer{this, static_cast<GstElement*>(gst_object_ref(owner_))},
        [](gpointer data) {
            auto* timer = static_cast<Timer*>(data);
            gst_object_unref(timer->owner);
            delete timer;
        });
}

void KeyFrameRequests::on_time() {
    {
        std::lock_guard lock(mutex_);
        cancel();
    }
    send_if_wanted();
}

void KeyFrameRequests::send_if_wanted() {
    GstClockTime now = 0, before = 0;
    {
        std::lock_guard lock(mutex_);
        if (!wanted_ || tries_ >= kTries || !clock_)
            return;
        now = gst_clock_get_time(clock_);
        if (GST_CLOCK_TIME_IS_VALID(last_sent_) && now < last_sent_ + kInterval)
            return wait_until(last_sent_ + kInterval);  // another thread was faster
        given_up_ = ++tries_ == kTries;
        before = std::exchange(last_sent_, now);
        wait_until(now + kInterval);
    }
    ++sent_;  // first: who sees the request sees it counted
    if (send_())
        return;
    --sent_;
    // What nobody has heard holds up nobody: the producer has been asked for nothing.
    std::lock_guard lock(mutex_);
    if (last_sent_ == now)
        last_sent_ = before;
}

}  // namespace sluice::elements
