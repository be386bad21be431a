#include "elements/template_elements.h"

/// What of the server's elements stands in templates, for gst-launch-1.0: GST_PLUGIN_PATH is to name the
/// folder.

#define PACKAGE "sluice"

static gboolean init(GstPlugin* plugin) {
    sluice::elements::register_template_elements(plugin);
    return TRUE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, sluice,
                  "Elements of sluice for its pipeline templates", init, SLUICE_VERSION, "MIT/X11", "sluice",
                  "sluice")
