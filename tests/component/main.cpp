#include <gtest/gtest.h>

#include "elements/elements.h"

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    gst_init(nullptr, nullptr);
    sluice::elements::init();
    const int result = RUN_ALL_TESTS();
    gst_deinit();
    return result;
}
