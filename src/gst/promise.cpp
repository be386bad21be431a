#include "gst/promise.h"

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

GstPromise* new_promise(Scheduler& scheduler, Done<Reply> done) {
    return gst_promise_new_with_change_func(
        [](GstPromise* raw, gpointer data) noexcept {
            const auto promise = Ref<GstPromise>::adopt(raw);
            const auto* pending = static_cast<Pending*>(data);
            pending->scheduler.post(
                [done = pending->done, reply = read_reply(promise.get())] { done(reply); });
        },
        new Pending{scheduler, std::move(done)}, [](gpointer data) { delete static_cast<Pending*>(data); });
}

}  // namespace sluice::gst
