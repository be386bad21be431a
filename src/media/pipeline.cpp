#include "media/pipeline.h"

#include <utility>

#include "base/log.h"
#include "media/connection.h"

namespace sluice::media {

std::shared_ptr<Pipeline> Pipeline::create(Scheduler& scheduler, gst::Reaper& reaper, std::string room,
                                           std::string user) {
    std::shared_ptr<Pipeline> self(new Pipeline(scheduler, reaper, std::move(room), std::move(user)));
    const auto bus = gst::Ref<GstBus>::adopt(gst_element_get_bus(self->element_.get()));
    gst_bus_set_sync_handler(bus.get(), on_message, new std::weak_ptr(self->weak_from_this()),
                             [](gpointer weak) { delete static_cast<std::weak_ptr<Pipeline>*>(weak); });
    const auto clock = gst::Ref<GstClock>::adopt(gst_system_clock_obtain());
    gst_pipeline_use_clock(GST_PIPELINE(self->element_.get()), clock.get());
    gst_element_set_state(self->element_.get(), GST_STATE_PLAYING);
    return self;
}

Pipeline::Pipeline(Scheduler& scheduler, gst::Reaper& reaper, std::string room, std::string user)
    : scheduler_(scheduler),
      reaper_(reaper),
      room_(std::move(room)),
      user_(std::move(user)),
      element_(gst::Ref<GstElement>::sink(gst_pipeline_new((room_ + "|" + user_).c_str()))) {}

Pipeline::~Pipeline() {
    reaper_.reap("pipeline of " + user_ + " in " + room_,
                 [element = std::move(element_)] { gst_element_set_state(element.get(), GST_STATE_NULL); });
}

void Pipeline::watch(GstElement* element, std::weak_ptr<Connection> connection) {
    parts_[element] = std::move(connection);
}

void Pipeline::unwatch(GstElement* element) {
    parts_.erase(element);
}

GstBusSyncReply Pipeline::on_message(GstBus*, GstMessage* message, gpointer data) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        if (const auto self = static_cast<std::weak_ptr<Pipeline>*>(data)->lock()) {
            GError* raw = nullptr;
            char* debug = nullptr;
            gst_message_parse_error(message, &raw, &debug);
            const gst::OwnedError error(raw);
            const gst::OwnedString detail(debug);
            // The part of the pipeline it happened in: the pipeline's own child above the element.
            const GstObject* part = GST_MESSAGE_SRC(message);
            while (part && GST_OBJECT_PARENT(part) && !GST_IS_PIPELINE(GST_OBJECT_PARENT(part)))
                part = GST_OBJECT_PARENT(part);
            self->scheduler_.post([weak = std::weak_ptr(self),
                                   part = reinterpret_cast<const GstElement*>(part),
                                   name = std::string(part ? GST_OBJECT_NAME(part) : ""),
                                   text = std::string(error->message) + " (" + (debug ? debug : "") + ")"] {
                if (const auto pipeline = weak.lock())
                    pipeline->on_error(part, name, text);
            });
        }
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

void Pipeline::on_error(const GstElement* part, const std::string& name, const std::string& text) {
    const auto found = parts_.find(part);
    const auto connection = found == parts_.end() ? nullptr : found->second.lock();
    if (connection)
        return connection->fail(text);
    log::warning("pipeline error", {{"room", room_}, {"user", user_}, {"part", name}, {"error", text}});
}

}  // namespace sluice::media
