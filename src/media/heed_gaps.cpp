#include "media/heed_gaps.h"

#include <gst/base/gstcollectpads.h>

#include "gst/factory.h"

namespace sluice::media {

void heed_gaps(GstElement* mux, GstPad* pad) {
    if (gst::is_made_by(mux, "matroskamux") || gst::is_made_by(mux, "webmmux"))
        if (auto* data = static_cast<GstCollectData*>(gst_pad_get_element_private(pad)))
            data->state = static_cast<GstCollectPadsStateFlags>(data->state & ~GST_COLLECT_PADS_STATE_LOCKED);
}

}  // namespace sluice::media
