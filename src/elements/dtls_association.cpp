#include "elements/dtls_association.h"

#include <array>
#include <unordered_map>
#include <utility>

#include "elements/dtls_enc.h"
#include "gst/ref.h"

namespace sluice::elements {
namespace {

struct Registry {
    std::mutex mutex;
    std::unordered_map<std::string, std::weak_ptr<DtlsAssociation>> by_id;

    static Registry& get() {
        static auto* const registry = new Registry;  // Elements may outlive main().
        return *registry;
    }
};

gst::Ref<GstElement> strong(GWeakRef& element) {
    return gst::Ref<GstElement>::adopt(static_cast<GstElement*>(g_weak_ref_get(&element)));
}

template <typename T>
void free_shared(gpointer shared) {
    delete static_cast<T*>(shared);
}

}  // namespace

std::shared_ptr<DtlsAssociation> DtlsAssociation::create(const std::string& id, GstElement* decoder) {
    std::shared_ptr<DtlsAssociation> made(new DtlsAssociation(id));
    g_weak_ref_set(&made->decoder_, decoder);
    auto& registry = Registry::get();
    std::lock_guard lock(registry.mutex);
    registry.by_id[id] = made;
    return made;
}

std::shared_ptr<DtlsAssociation> DtlsAssociation::find(const std::string& id, GstElement* encoder) {
    auto& registry = Registry::get();
    std::shared_ptr<DtlsAssociation> found;
    {
        std::lock_guard lock(registry.mutex);
        if (const auto entry = registry.by_id.find(id); entry != registry.by_id.end())
            found = entry->second.lock();
    }
    if (found)
        g_weak_ref_set(&found->encoder_, encoder);
    return found;
}

DtlsAssociation::DtlsAssociation(std::string id) : id_(std::move(id)) {
    g_weak_ref_init(&decoder_, nullptr);
    g_weak_ref_init(&encoder_, nullptr);
}

DtlsAssociation::~DtlsAssociation() {
    disarm();
    auto& registry = Registry::get();
    {
        std::lock_guard lock(registry.mutex);
        if (const auto entry = registry.by_id.find(id_);
            entry != registry.by_id.end() && entry->second.expired())
            registry.by_id.erase(entry);
    }
    g_weak_ref_clear(&decoder_);
    g_weak_ref_clear(&encoder_);
}

void DtlsAssociation::start(bool client) {
    std::lock_guard lock(order_);
    carry_out(session_.start(client));
}

void DtlsAssociation::receive(std::span<const uint8_t> datagram) {
    std::lock_guard lock(order_);
    carry_out(session_.receive(datagram));
}

void DtlsAssociation::stop() {
    std::lock_guard lock(order_);
    carry_out(session_.stop());
}

void DtlsAssociation::on_timeout() {
    std::lock_guard lock(order_);
    disarm();
    carry_out(session_.on_timeout());
}

void DtlsAssociation::carry_out(const DtlsSession::Outcome& outcome) {
    const std::array elements{strong(decoder_), strong(encoder_)};
    const auto& [decoder, encoder] = elements;
    if (encoder)
        for (const auto& datagram : outcome.datagrams) send_dtls(encoder.get(), datagram);
    if (outcome.entered)
        state_ = *outcome.entered;
    for (const auto& element : elements) {
        if (element && outcome.secured)
            g_signal_emit_by_name(element.get(), "on-key-received");
        if (element && outcome.entered)
            g_object_notify(G_OBJECT(element.get()), "connection-state");
    }
    if (!outcome.error.empty() && decoder)
        GST_ELEMENT_ERROR(decoder.get(), RESOURCE, READ, (nullptr), ("DTLS: %s", outcome.error.c_str()));
    arm();
}

/// A timer that is due earlier stays: it does no harm, and one that is unscheduled stays in the clock's list,
/// so that a flood of datagrams would make that long.
void DtlsAssociation::arm() {
    const auto left = session_.timeout();
    if (!left)
        return disarm();
    const auto clock = gst::Ref<GstClock>::adopt(gst_system_clock_obtain());
    const auto due = gst_clock_get_time(clock.get()) + static_cast<guint64>(left->count()) * GST_USECOND;
    if (timer_ && due_ < due + GST_MSECOND)
        return;
    disarm();
    due_ = due;
    timer_ = gst_clock_new_single_shot_id(clock.get(), due);
    using Weak = std::weak_ptr<DtlsAssociation>;
    using Shared = std::shared_ptr<DtlsAssociation>;
    // The clock's thread serves the whole process, so datagrams are sent on another.
    gst_clock_id_wait_async(
        timer_,
        [](GstClock*, GstClockTime, GstClockID, gpointer weak) -> gboolean {
            const auto self = static_cast<Weak*>(weak)->lock();
            const auto encoder = self ? strong(self->encoder_) : gst::Ref<GstElement>();
            if (encoder)
                gst_element_call_async(
                    encoder.get(),
                    [](GstElement*, gpointer shared) noexcept {
                        (*static_cast<Shared*>(shared))->on_timeout();
                    },
                    new Shared(self), free_shared<Shared>);
            return TRUE;
        },
        new Weak(weak_from_this()), free_shared<Weak>);
}

void DtlsAssociation::disarm() {
    if (!timer_)
        return;
    gst_clock_id_unschedule(timer_);
    gst_clock_id_unref(timer_);
    timer_ = nullptr;
}

}  // namespace sluice::elements
