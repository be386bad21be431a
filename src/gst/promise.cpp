#include "gst/promise.h"

#include <memory>
#include <utility>

namespace sluice::gst {
namespace {

struct Pending {
    Scheduler& scheduler;
    Done<Reply> done;
};

Result<Reply> read_reply(GstPromise* promise) {
    if (gst_promise_wait(promise) != GST_PROMISE_RESULT_REPLIED)
        return Error{ErrorCode::Internal, "webrtcbin dropped the request"};
    const GstStructure* reply = gst_promise_get_reply(promise);
    if (!reply)
        return Reply();
    GError* raw = nullptr;
    if (gst_structure_get(reply, "error", G_TYPE_ERROR, &raw, nullptr) && raw) {
        OwnedError error(raw);
        return Error{ErrorCode::Internal, error->message};
    }
    return Reply(gst_structure_copy(reply),
                 [](const GstStructure* s) { gst_structure_free(const_cast<GstStructure*>(s)); });
}

}  // namespace

Ref<GstPromise> new_promise(Scheduler& scheduler, Done<Reply> done) {
    auto promise = Ref<GstPromise>::adopt(gst_promise_new_with_change_func(
        [](GstPromise* changed, gpointer data) noexcept {
            const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
            pending->scheduler.post(
                [done = std::move(pending->done), reply = read_reply(changed)] { done(reply); });
        },
        new Pending{scheduler, std::move(done)}, nullptr));
    // A webrtcbin that closes (1.22 to 1.28) lets go of what it has not begun without a reply.
    GST_MINI_OBJECT_CAST(promise.get())->dispose = [](GstMiniObject* last) noexcept -> gboolean {
        gst_promise_expire(reinterpret_cast<GstPromise*>(last));
        return TRUE;
    };
    return promise;
}

}  // namespace sluice::gst
