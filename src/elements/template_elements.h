#pragma once

#include <gst/gst.h>

namespace sluice::elements {

/// Registers those of the server's elements that stand in templates: with `plugin`, or for this process if
/// that is null.
void register_template_elements(GstPlugin* plugin);

}  // namespace sluice::elements
