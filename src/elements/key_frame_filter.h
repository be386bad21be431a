#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// `sluicekeyframes`: of encoded frames, one key frame every "interval" seconds and nothing else, for a
/// decoder that is to have little work. Asks for one that is due and does not come, once a second.
GType key_frame_filter_get_type();

}  // namespace sluice::elements
