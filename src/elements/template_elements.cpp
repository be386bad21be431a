#include "elements/template_elements.h"

#include "elements/av1_depay.h"
#include "elements/image_sink.h"
#include "elements/key_frame_filter.h"
#include "elements/mp4_mux.h"

namespace sluice::elements {

void register_template_elements(GstPlugin* plugin) {
    gst_element_register(plugin, "sluiceav1depay", GST_RANK_NONE, av1_depay_get_type());
    gst_element_register(plugin, "sluicekeyframes", GST_RANK_NONE, key_frame_filter_get_type());
    gst_element_register(plugin, "sluiceimages", GST_RANK_NONE, image_sink_get_type());
    gst_element_register(plugin, "sluicemp4mux", GST_RANK_NONE, mp4_mux_get_type());
}

}  // namespace sluice::elements
