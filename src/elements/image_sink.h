#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// `sluiceimages`: each buffer in a file of its own, which is there only when it is whole. Of "location"
/// a/b.jpg they are a/b-00001.jpg, a/b-00002.jpg and so on; one that is there already is left alone.
///
/// multifilesink takes its location for a printf() format, which a name of a room must never be, and
/// overwrites.
GType image_sink_get_type();

}  // namespace sluice::elements
