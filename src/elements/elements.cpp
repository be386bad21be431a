#include "elements/elements.h"

#include "elements/fanout.h"
#include "elements/gate.h"
#include "elements/track.h"

namespace sluice::elements {

void register_elements() {
    gst_element_register(nullptr, "sluicetrack", GST_RANK_NONE, track_get_type());
    gst_element_register(nullptr, "sluicefanout", GST_RANK_NONE, fanout_get_type());
    gst_element_register(nullptr, "sluicegate", GST_RANK_NONE, gate_get_type());
}

}  // namespace sluice::elements
