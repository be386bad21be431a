#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <gst/gst.h>

#include "base/scheduler.h"
#include "gst/ref.h"
#include "gst/workers.h"

namespace sluice::media {

/// One producer's GstPipeline: always PLAYING, on the system clock, its bus read by a handler that keeps
/// nothing (an unread bus keeps every element that ever posted alive). Lives as long as anything in it; the
/// last reference sets it to NULL on a tear-down thread.
class Pipeline : public std::enable_shared_from_this<Pipeline> {
public:
    static std::shared_ptr<Pipeline> create(Scheduler& scheduler, gst::Workers& tear_down, std::string room,
                                            std::string user);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    GstBin* bin() const { return GST_BIN(element_.get()); }
    const std::string& room() const { return room_; }
    const std::string& user() const { return user_; }
    gst::Workers& tear_down() const { return tear_down_; }

    /// For a part that is to be added: `name`, or NAME#2 and so on while another has it. One that is torn
    /// down has it until its tear-down thread is done.
    std::string free_name(const std::string& name) const;

    /// Who is told of a part of the pipeline, on the scheduler thread. `child` is the name of the part's own
    /// child above the element that it is about.
    struct Watch {
        std::function<void(const std::string& child, const std::string& text)> on_error;
        std::function<void(const std::string& child)> on_eos;  ///< A bin with message-forward; may be empty.
    };
    void watch(GstElement* element, Watch watch);
    void unwatch(GstElement* element);

private:
    Pipeline(Scheduler& scheduler, gst::Workers& tear_down, std::string room, std::string user);
    static GstBusSyncReply on_message(GstBus* bus, GstMessage* message, gpointer self);
    void on_error(const GstElement* part, const std::string& name, const std::string& child,
                  const std::string& text);
    void on_eos(const GstElement* part, const std::string& child);

    Scheduler& scheduler_;
    gst::Workers& tear_down_;
    std::string room_;
    std::string user_;
    gst::Ref<GstElement> element_;
    std::map<const GstElement*, Watch> parts_;
};

}  // namespace sluice::media
