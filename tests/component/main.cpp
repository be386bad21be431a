#include <cstring>
#include <gtest/gtest.h>

#include "elements/elements.h"

/// Every critical message is fatal (G_DEBUG), but for one: rtpsession 1.22.0 lets go of its lock while it
/// goes over its sources for a report, and another thread may add one (upstream 6675ed9aae, in 1.22.3
/// and 1.24). The rest of that report is left out; this exception can go with that version.
static gboolean is_fatal(const gchar*, GLogLevelFlags, const gchar* message, gpointer) {
    return !std::strstr(message, "g_hash_table_foreach: assertion 'version == hash_table->version' failed");
}

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    g_test_log_set_fatal_handler(is_fatal, nullptr);
    gst_init(nullptr, nullptr);
    sluice::elements::register_elements();
    const int result = RUN_ALL_TESTS();
    gst_deinit();
    return result;
}
