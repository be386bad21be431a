#pragma once

#include <memory>

#include "base/result.h"
#include "base/scheduler.h"
#include "gst/ref.h"

namespace sluice::gst {

/// Null when webrtcbin answers without fields, as set-local-description does.
using Reply = std::shared_ptr<const GstStructure>;

/// A promise for a webrtcbin action signal. `done` runs on the scheduler thread, never inside the
/// emission: webrtcbin answers on its own thread, and on ours when the element is closed. Let go of it
/// once the signal has been emitted: when webrtcbin does so too without a reply, `done` gets an error.
Ref<GstPromise> new_promise(Scheduler& scheduler, Done<Reply> done);

}  // namespace sluice::gst
