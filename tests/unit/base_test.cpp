#include <chrono>
#include <gtest/gtest.h>

#include "base/field_reader.h"
#include "fake_scheduler.h"
using namespace sluice;
using namespace std::chrono_literals;

TEST(FakeScheduler, RunsTimersInOrderWithoutWaiting) {
    test::FakeScheduler s;
    std::string log;
    s.after(30s, [&] { log += "b"; });
    s.after(10s, [&] {
        log += "a";
        s.post([&] { log += "!"; });
    });
    s.advance(20s);
    EXPECT_EQ(log, "a!");
    s.advance(10s);
    EXPECT_EQ(log, "a!b");
    EXPECT_EQ(s.pending(), 0u);
}
struct Case {
    const char* json;
    const char* field;
    const char* message;
};
class FieldErrors : public testing::TestWithParam<Case> {};
TEST_P(FieldErrors, NamesTheField) {
    JsonNode* node = json_from_string(GetParam().json, nullptr);
    FieldReader r(node);
    r.string("room");
    r.integer_or("maxPeers", 10, 1, 500);
    for (auto& c : r.objects("codecs")) {
        c.string("mime");
        c.integer("clockRate", 1, 192000);
        (void)c.finish();
    }
    auto status = r.finish();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().field, GetParam().field);
    EXPECT_EQ(status.error().message, GetParam().message);
    json_node_unref(node);
}
INSTANTIATE_TEST_SUITE_P(
    All, FieldErrors,
    testing::Values(
        Case{R"({"codecs":[]})", "room", "is required"},
        Case{R"({"room":1,"codecs":[]})", "room", "must be a string"},
        Case{R"({"room":"a","maxPeers":501,"codecs":[]})", "maxPeers", "must be an integer from 1 to 500"},
        Case{R"({"room":"a","codecs":[{"mime":"x","clockRate":1},{"mime":"y","clockRate":"48k"}]})",
             "codecs[1].clockRate", "must be an integer from 1 to 192000"},
        Case{R"({"room":"a","codecs":[],"colour":1})", "colour", "is not a known field"}));
