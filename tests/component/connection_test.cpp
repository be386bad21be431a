#include "media/connection.h"

#include "gst/workers.h"
#include "media_fixture.h"

namespace sluice::test {
namespace {

struct Connections : MediaFixture {
    void TearDown() override {
        pipeline.reset();
        workers.reset();
        MediaFixture::TearDown();
    }
    Result<std::shared_ptr<media::Connection>> make(const std::string& name) {
        return media::Connection::create(around, pipeline, name, "alan", {});
    }

    std::unique_ptr<gst::Workers> workers = std::make_unique<gst::Workers>(1);
    media::Surroundings around{.scheduler = scheduler,
                               .network = *network,
                               .latency = 200ms,
                               .connect_timeout = 30s,
                               .files = *workers,
                               .drawings = *workers};
    std::shared_ptr<media::Pipeline> pipeline = media::Pipeline::create(scheduler, *workers, "room", "ada");
};

TEST_F(Connections, OneWhoseNameIsTakenIsRefused) {
    const auto first = make("consumer(alan)"), second = make("consumer(alan)");
    ASSERT_TRUE(first) << first.error().message;
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("\"consumer(alan)\""), std::string::npos) << second.error().message;
    EXPECT_EQ(around.connections, 1U);
    EXPECT_EQ(network->stats().peers, 1U);
    EXPECT_EQ(pipeline->free_name("consumer(alan)"), "consumer(alan)#2");
}

}  // namespace
}  // namespace sluice::test
