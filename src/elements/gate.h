#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// `sluicegate`: one branch of a tee, which it isolates from what is behind it.
GType gate_get_type();

}  // namespace sluice::elements
