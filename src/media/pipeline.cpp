#include "media/pipeline.h"

#include <utility>

#include "base/log.h"

namespace sluice::media {
namespace {

/// Where in the pipeline an object is.
struct Place {
    const GstElement* part;  ///< The pipeline's own child; not a reference.
    std::string name;
    std::string child;  ///< The name of the part's own child; empty: it is the part.
};

Place place_of(const GstObject* object) {
    const GstObject* child = nullptr;
    while (object && GST_OBJECT_PARENT(object) && !GST_IS_PIPELINE(GST_OBJECT_PARENT(object))) {
        child = object;
        object = GST_OBJECT_PARENT(object);
    }
    return {reinterpret_cast<const GstElement*>(object), object ? GST_OBJECT_NAME(object) : "",
            child ? GST_OBJECT_NAME(child) : ""};
}

/// Whose end of stream a bin with message-forward tells of; null: the message is another.
GstObject* ended_in(GstMessage* message) {
    const GstStructure* fields = gst_message_get_structure(message);
    if (!fields || !gst_structure_has_name(fields, "GstBinForwarded"))
        return nullptr;
    gst::Ref<GstMessage> forwarded;
    gst_structure_get(fields, "message", GST_TYPE_MESSAGE, forwarded.out(), nullptr);
    return forwarded && GST_MESSAGE_TYPE(forwarded.get()) == GST_MESSAGE_EOS
               ? GST_MESSAGE_SRC(forwarded.get())
               : nullptr;
}

}  // namespace

std::shared_ptr<Pipeline> Pipeline::create(Scheduler& scheduler, gst::Workers& tear_down, std::string room,
                                           std::string user) {
    std::shared_ptr<Pipeline> self(new Pipeline(scheduler, tear_down, std::move(room), std::move(user)));
    const auto bus = gst::Ref<GstBus>::adopt(gst_element_get_bus(self->element_.get()));
    gst_bus_set_sync_handler(bus.get(), on_message, new std::weak_ptr(self->weak_from_this()),
                             [](gpointer weak) { delete static_cast<std::weak_ptr<Pipeline>*>(weak); });
    const auto clock = gst::Ref<GstClock>::adopt(gst_system_clock_obtain());
    gst_pipeline_use_clock(GST_PIPELINE(self->element_.get()), clock.get());
    gst_element_set_state(self->element_.get(), GST_STATE_PLAYING);
    return self;
}

Pipeline::Pipeline(Scheduler& scheduler, gst::Workers& tear_down, std::string room, std::string user)
    : scheduler_(scheduler),
      tear_down_(tear_down),
      room_(std::move(room)),
      user_(std::move(user)),
      element_(gst::Ref<GstElement>::sink(gst_pipeline_new((room_ + "|" + user_).c_str()))) {}

Pipeline::~Pipeline() {
    tear_down_.run("pipeline of " + user_ + " in " + room_,
                   [element = std::move(element_)] { gst_element_set_state(element.get(), GST_STATE_NULL); });
}

std::string Pipeline::free_name(const std::string& name) const {
    auto free = name;
    GST_OBJECT_LOCK(bin());
    for (unsigned number = 2; !gst_object_check_uniqueness(GST_BIN_CHILDREN(bin()), free.c_str()); number++)
        free = name + "#" + std::to_string(number);
    GST_OBJECT_UNLOCK(bin());
    return free;
}

void Pipeline::watch(GstElement* element, Watch watch) {
    parts_[element] = std::move(watch);
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
            self->scheduler_.post([weak = std::weak_ptr(self), place = place_of(GST_MESSAGE_SRC(message)),
                                   text = std::string(error->message) + " (" + (debug ? debug : "") + ")"] {
                if (const auto pipeline = weak.lock())
                    pipeline->on_error(place.part, place.name, place.child, text);
            });
        }
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
        if (const GstObject* ended = ended_in(message))
            if (const auto self = static_cast<std::weak_ptr<Pipeline>*>(data)->lock())
                self->scheduler_.post([weak = std::weak_ptr(self), place = place_of(ended)] {
                    if (const auto pipeline = weak.lock())
                        pipeline->on_eos(place.part, place.child);
                });
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

void Pipeline::on_error(const GstElement* part, const std::string& name, const std::string& child,
                        const std::string& text) {
    if (const auto found = parts_.find(part); found != parts_.end()) {
        const auto on_error = found->second.on_error;  // It may unwatch.
        return on_error(child, text);
    }
    log::warning("pipeline error", {{"room", room_}, {"user", user_}, {"part", name}, {"error", text}});
}

void Pipeline::on_eos(const GstElement* part, const std::string& child) {
    const auto found = parts_.find(part);
    if (found == parts_.end() || !found->second.on_eos)
        return;
    const auto on_eos = found->second.on_eos;
    on_eos(child);
}

}  // namespace sluice::media
