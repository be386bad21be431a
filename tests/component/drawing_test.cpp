#include <regex>

#include <gio/gio.h>

#include "base/owned.h"
#include "media_fixture.h"

/// Drawings of live pipelines.
namespace sluice::test {
namespace {

using media::Drawing;

/// Ids may have anything in them.
constexpr const char* kAda = R"(ada "x" \ <b>)";

struct Drawings : MediaFixture {
    void SetUp() override {
        MediaFixture::SetUp();
        ada = std::make_unique<Publisher>(*this, kAda);
        ASSERT_TRUE(ada->with_both().negotiate());
        ASSERT_TRUE(wait_for("the producer's connection",
                             [&] { return ada->state() == ConnectionState::Connected; }));
        alan = std::make_unique<Viewer>(*this, *ada, "alan");
        ASSERT_TRUE(alan->negotiate());
        ASSERT_TRUE(alan->receives("0"));
        ASSERT_TRUE(alan->receives("1"));
    }
    void TearDown() override {
        alan.reset();
        ada.reset();
        MediaFixture::TearDown();
    }

    std::string draw(Drawing drawing) {
        std::optional<Result<std::string>> drawn;
        ada->server->draw(drawing,
                          Done<std::string>([&](Result<std::string> result) { drawn = std::move(result); }));
        EXPECT_FALSE(drawn.has_value()) << "inside the call";
        EXPECT_TRUE(wait_for("the drawing", [&] { return drawn.has_value(); }));
        return drawn && *drawn ? **drawn : std::string();
    }

    std::unique_ptr<Publisher> ada;
    std::unique_ptr<Viewer> alan;
};

testing::AssertionResult has(const std::string& text, const std::string& pattern) {
    return std::regex_search(text, std::regex(pattern, std::regex::multiline))
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << "no " << pattern << " in\n"
                                             << text;
}

/// Keys, and what would tell who runs the server.
void expect_no_secrets(const std::string& text) {
    for (const char* secret : {"BEGIN", "srtp-key", "pem=", "cname", "-key="})
        EXPECT_EQ(text.find(secret), std::string::npos) << secret;
}

TEST_F(Drawings, TheTextHasElementsPropertiesLinksAndCounters) {
    const auto text = draw({Drawing::Form::Text, false});
    EXPECT_TRUE(text.starts_with(R"(pipeline name="room|ada \"x\" \\ <b>")")) << text;
    EXPECT_TRUE(has(text, R"(^  webrtcbin name=.consumer\(alan\).  # PLAYING$)"));
    EXPECT_TRUE(has(text, R"(^    sluicetrack name=\S+ .*packets=\d+ .*ssrc=\d+)"));
    EXPECT_TRUE(has(text, R"(^      \.src ! \w+\.sink  # application/x-rtp, media=)"));
    EXPECT_TRUE(has(text, R"(^      \.\S+ ! \.consumer\(alan\)\.1 bytes=\d+ .*open=true packets=\d+)"))
        << "a fan-out's leg";
    EXPECT_EQ(text.find("rtpbin"), std::string::npos) << text;
    expect_no_secrets(text);
}

TEST_F(Drawings, TheWholeHasTheInsidesOfWebrtcbinsWithoutTheirSecrets) {
    for (const auto form : {Drawing::Form::Text, Drawing::Form::Dot}) {
        const auto text = draw({form, true});
        for (const char* inside : {"rtpbin", "dtlssrtpdec", "sluicereorder", "srtpdec"})
            EXPECT_NE(text.find(inside), std::string::npos) << inside << "\n" << text;
        expect_no_secrets(text);
    }
}

TEST_F(Drawings, NothingIsMadeOrKeptForFec) {
    const auto text = draw({Drawing::Form::Text, true});
    EXPECT_TRUE(has(text, R"(^ +rtpstorage name=\S+  #)"))
        << "webrtcbin has it keep what came within the latency";
    EXPECT_EQ(text.find("rtpulpfecdec"), std::string::npos) << text;
}

TEST_F(Drawings, GraphvizDrawsIt) {
    for (const bool whole : {false, true}) {
        const auto dot = draw({Drawing::Form::Dot, whole});
        EXPECT_EQ(dot.find("rtpbin") != std::string::npos, whole);
        EXPECT_TRUE(has(dot, R"(\[label="application/x-rtp\nencoding-name=\S+\npayload=\d+\nssrc=\d+"\]$)"))
            << "what tells the streams apart, and no more";
        GError* error = nullptr;
        const glib::Owned<GSubprocess, g_object_unref> process(g_subprocess_new(
            static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                          G_SUBPROCESS_FLAGS_STDERR_PIPE),
            &error, "dot", "-Tplain", nullptr));
        ASSERT_EQ(error, nullptr) << error->message;
        char* out = nullptr;
        char* complaints = nullptr;
        ASSERT_TRUE(
            g_subprocess_communicate_utf8(process.get(), dot.c_str(), nullptr, &out, &complaints, &error));
        const glib::OwnedString plain(out), said(complaints);
        EXPECT_TRUE(g_subprocess_get_successful(process.get())) << said.get() << "\n" << dot;
        EXPECT_STREQ(said.get(), "");
        // No link makes a node that is not a pad of some element.
        EXPECT_FALSE(has(plain.get(), R"(^node \S+ [\d.]+ [\d.]+ [\d.]+ [\d.]+ \S*/)"));
    }
}

TEST_F(Drawings, OneThatIsUnderWayOutlivesTheProducer) {
    std::optional<Result<std::string>> drawn;
    ada->server->draw({}, Done<std::string>([&](Result<std::string> result) { drawn = std::move(result); }));
    alan.reset();
    ada.reset();
    EXPECT_TRUE(wait_for("an answer", [&] { return drawn.has_value(); }));
    ASSERT_FALSE(*drawn);
    EXPECT_EQ(drawn->error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace sluice::test
