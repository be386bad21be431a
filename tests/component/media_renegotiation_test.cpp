#include <regex>

#include "media_fixture.h"

namespace sluice::test {
namespace {

/// A producer, and a consumer who is told of each change as a backend does it.
struct Renegotiation : MediaFixture {
    void SetUp() override {
        ada.emplace(*this, "ada");
        ada->browser->add_track(Kind::Audio);
        ASSERT_TRUE(ada->negotiate());
        alan.emplace(*this, *ada, "alan");
        ASSERT_TRUE(alan->negotiate());
        ASSERT_TRUE(alan->receives("0"));
    }
    void TearDown() override {
        alan.reset();
        ada.reset();
        MediaFixture::TearDown();
    }
    testing::AssertionResult both() {
        if (const auto produced = ada->negotiate(); !produced)
            return produced;
        return alan->negotiate();
    }
    /// An offer of ada's that is in hand when this returns.
    std::shared_ptr<std::optional<Result<std::string>>> begin(const std::string& offer) const {
        auto answer = std::make_shared<std::optional<Result<std::string>>>();
        ada->server->offer(
            offer, Done<std::string>([answer](Result<std::string> given) { *answer = std::move(given); }));
        return answer;
    }
    std::optional<Publisher> ada;
    std::optional<Viewer> alan;
};

TEST_F(Renegotiation, ATrackIsAdded) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1", 40));
    EXPECT_TRUE(alan->track("1")->began_with_key_frame());
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, AScreenIsAddedBesideTheCamera) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    auto& screen = ada->browser->add_track(Kind::Video, {.codec = "VP9"});
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("2"));
    EXPECT_EQ(alan->track("2")->last_mark()->track, screen.track().ssrc);
    EXPECT_EQ(alan->track("2")->codec(), "VP9");
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, ATrackIsRemovedAndComesBack) {
    auto& video = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    for (int round = 0; round < 2; round++) {
        ada->browser->set_sending(video, false);
        ASSERT_TRUE(both());
        EXPECT_EQ(alan->browser->remote()->sections.at(1).direction, "inactive");
        EXPECT_FALSE(ada->server->tracks().video);
        ASSERT_TRUE(alan->receives("0"));
        ada->browser->set_sending(video, true);
        ASSERT_TRUE(both());
        EXPECT_EQ(alan->browser->remote()->sections.at(1).direction, "sendonly");
        EXPECT_TRUE(ada->server->tracks().video);
        ASSERT_TRUE(alan->receives("1"));
    }
    EXPECT_EQ(alan->browser->remote()->sections.size(), 2U);
    // The gate opens at the answer; what the producer sent before that is missing.
    EXPECT_TRUE(alan->is_unharmed("0"));
}

TEST_F(Renegotiation, ATrackComesBackByAnotherSsrc) {
    auto& video = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    ada->browser->set_sending(video, false);
    ASSERT_TRUE(ada->negotiate());
    video.renew();
    ada->browser->set_sending(video, true);
    ASSERT_TRUE(ada->negotiate());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_EQ(alan->track("1")->last_mark()->track, video.track().ssrc);
    EXPECT_TRUE(alan->is_whole()) << "sequence numbers go on";
}

TEST_F(Renegotiation, ATrackMayHaveManySsrcs) {
    auto& audio = ada->audio();
    audio.track().names_ssrc = false;
    ASSERT_TRUE(ada->negotiate());
    for (int round = 0; round < 40; round++) {
        audio.set_connected(false);
        audio.renew();
        audio.set_connected(true);
        ASSERT_TRUE(wait_for("a packet of the new SSRC",
                             [&] {
                                 const auto mark =
                                     alan->track("0") ? alan->track("0")->last_mark() : std::nullopt;
                                 return mark && mark->track == audio.track().ssrc;
                             }))
            << "after " << round;
    }
}

TEST_F(Renegotiation, ASectionKeepsItsCodec) {
    auto& video = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    video.track().codec = "H264";
    const auto offer = ada->browser->create_offer();
    video.track().codec = "VP8";
    const auto refused =
        await<std::string>([&](Done<std::string> done) { ada->server->offer(offer, std::move(done)); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unacceptable);
    EXPECT_EQ(refused.error().field, "offer.sdp");
    EXPECT_EQ(refused.error().message,
              "section \"1\" no longer offers VP8 by payload type 96, and its RTX by 97, which it was taken "
              "with; another "
              "codec needs another section");
    EXPECT_TRUE(ada->server->tracks().video);
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, ASectionKeepsItsPayloadTypes) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    const auto offer = ada->browser->create_offer();
    for (const std::string type : {"96", "97"}) {
        // Not within the fingerprint, or it were the offer of another page.
        const std::regex everywhere("([ =]|:(?=" + type + " ))" + type + "(?=[ \\r])");
        const auto other = std::regex_replace(offer, everywhere, "$0198");
        const auto refused =
            await<std::string>([&](Done<std::string> done) { ada->server->offer(other, std::move(done)); });
        ASSERT_FALSE(refused) << type;
        EXPECT_EQ(refused.error().code, ErrorCode::Unacceptable);
        EXPECT_TRUE(refused.error().message.starts_with(
            "section \"1\" no longer offers VP8 by payload type 96, and its RTX by 97"))
            << refused.error().message;
    }
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, AnAnswerToAnotherSessionIsRefusedAndTheRightOneTaken) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    Viewer before(*this, *ada, "grace"), now(*this, *ada, "grace");
    const auto late = before.browser->answer(*before.offer());
    const auto offer = now.offer();
    ASSERT_TRUE(late && offer);
    const auto refused = await<Ok>([&](Done<Ok> done) { now.server->answer(*late, std::move(done)); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unacceptable);
    EXPECT_EQ(refused.error().field, "answer.sdp");
    EXPECT_NE(refused.error().message.find("mid"), std::string::npos) << refused.error().message;
    ASSERT_TRUE(now.answer(*offer));
    EXPECT_TRUE(now.receives("1"));
}

TEST_F(Renegotiation, ASectionKeepsItsPayloadTypeBesideAnotherOfItsCodec) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    auto offer = ada->browser->create_offer();
    offer = std::regex_replace(offer, std::regex("(m=video \\d+ \\S+) 96"), "$1 45 96");
    offer = std::regex_replace(offer, std::regex("a=rtpmap:96 VP8"), "a=rtpmap:45 VP8/90000\r\n$0");
    const auto answer =
        await<std::string>([&](Done<std::string> done) { ada->server->offer(offer, std::move(done)); });
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_NE(answer->find("a=rtpmap:96 VP8"), std::string::npos) << *answer;
    ASSERT_TRUE(alan->receives("1"));
}

TEST_F(Renegotiation, APausedSectionIsAnsweredByWhatItsOfferHas) {
    auto& video = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ada->browser->set_sending(video, false);
    ASSERT_TRUE(ada->negotiate());
    video.track().codec = "H264";
    ASSERT_TRUE(ada->negotiate());
    EXPECT_NE(ada->browser->remote()->find("1")->port, 0);
    video.track().codec = "VP8";
    ada->browser->set_sending(video, true);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_TRUE(alan->is_whole());
}

TEST_F(Renegotiation, ASectionThatDoesNotSendYetIsKept) {
    auto& video = ada->browser->add_track(Kind::Video);
    ada->browser->set_sending(video, false);
    ASSERT_TRUE(both());
    EXPECT_NE(ada->browser->remote()->find("1")->port, 0);
    EXPECT_EQ(ada->browser->remote()->find("1")->direction, "inactive");
    EXPECT_EQ(alan->browser->remote()->sections.size(), 1U) << "there is no track yet";
    EXPECT_FALSE(ada->server->tracks().video);
    ada->browser->set_sending(video, true);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_EQ(alan->track("1")->last_mark()->track, video.track().ssrc);
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, ATrackIsStoppedAndItsSectionRecycled) {
    auto& video = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    ada->browser->stop_track(video);
    ASSERT_TRUE(both());
    EXPECT_EQ(alan->browser->remote()->sections.at(1).direction, "inactive");
    auto& second = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_EQ(alan->track("1")->last_mark()->track, second.track().ssrc);
    EXPECT_EQ(alan->browser->remote()->sections.size(), 2U) << "consumers keep their section";
    EXPECT_TRUE(alan->is_unharmed("0"));
}

TEST_F(Renegotiation, ARecycledSectionMayChangeItsCodec) {
    auto& video = ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    ada->browser->stop_track(video);
    ASSERT_TRUE(both());
    ada->browser->add_track(Kind::Video, {.codec = "H264"});
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("2"));
    EXPECT_EQ(alan->track("2")->codec(), "H264");
    EXPECT_TRUE(alan->is_unharmed("0"));
    EXPECT_TRUE(alan->is_whole("2"));
}

TEST_F(Renegotiation, APageReloadKeepsTheConsumersConnection) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    const auto ssrc = alan->track("1")->ssrc();
    const auto port = alan->browser->port();
    ada->reload();
    ASSERT_TRUE(ada->with_both().negotiate());
    ASSERT_TRUE(alan->receives("0"));
    ASSERT_TRUE(alan->receives("1"));
    ASSERT_TRUE(alan->negotiate());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_EQ(alan->track("1")->ssrc(), ssrc);
    EXPECT_EQ(alan->browser->port(), port);
    EXPECT_EQ(alan->track("1")->last_mark()->track, ada->video().track().ssrc);
    EXPECT_EQ(alan->browser->receiver().tracks().size(), 2U);
    EXPECT_TRUE(alan->is_whole()) << "sequence numbers go on";
}

TEST_F(Renegotiation, AReloadedPageWithoutItsCamera) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    ada->reload();
    ada->browser->add_track(Kind::Audio);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("0"));
    EXPECT_EQ(alan->browser->remote()->sections.at(1).direction, "inactive");
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_EQ(alan->browser->remote()->sections.size(), 2U);
    EXPECT_TRUE(alan->is_whole("0"));
}

TEST_F(Renegotiation, ManyReloads) {
    for (int i = 0; i < 5; i++) {
        ada->reload();
        ASSERT_TRUE(ada->with_both().negotiate());
    }
    ASSERT_TRUE(alan->negotiate());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_EQ(alan->browser->remote()->sections.size(), 2U);
    EXPECT_TRUE(wait_for("the end of the connections that were replaced",
                         [&] { return engine->connections() == 2; }));
    EXPECT_TRUE(alan->is_whole());
}

TEST_F(Renegotiation, TheProducerRestartsIce) {
    const auto port = ada->browser->port();
    ada->browser->restart_ice();
    ASSERT_TRUE(both());
    ASSERT_TRUE(wait_for("the new path", [&] { return ada->browser->port() != port; }));
    ASSERT_TRUE(alan->receives("0", 30));
    EXPECT_TRUE(alan->is_unharmed());
    EXPECT_EQ(ada->state(), ConnectionState::Connected);
}

TEST_F(Renegotiation, TheConsumerRestartsIce) {
    for (int round = 0; round < 3; round++) {
        const auto port = alan->browser->port();
        ASSERT_TRUE(alan->negotiate(true));
        ASSERT_TRUE(wait_for("the new path", [&] { return alan->browser->port() != port; }));
        ASSERT_TRUE(alan->receives("0", 30));
    }
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, OffersMayRunAheadOfAnswers) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(ada->negotiate());
    const auto first = alan->offer();
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(ada->negotiate());
    const auto second = alan->offer();
    ASSERT_TRUE(first && second);
    ASSERT_TRUE(alan->receives("0"));
    ASSERT_TRUE(alan->answer(*first));
    ASSERT_TRUE(alan->receives("1"));
    ASSERT_TRUE(alan->answer(*second));
    ASSERT_TRUE(alan->receives("2"));
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, ThePageMayAnswerOnlyTheNewestOffer) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(ada->negotiate());
    ASSERT_TRUE(alan->offer());
    ASSERT_TRUE(alan->offer());
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(ada->negotiate());
    ASSERT_TRUE(alan->negotiate());
    ASSERT_TRUE(alan->receives("1"));
    ASSERT_TRUE(alan->receives("2"));
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, OffersBeforeTheFirstAnswer) {
    Viewer grace(*this, *ada, "grace");
    ASSERT_TRUE(grace.offer());
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(ada->negotiate());
    ASSERT_TRUE(grace.offer());
    ASSERT_TRUE(grace.negotiate());
    ASSERT_TRUE(grace.receives("0"));
    ASSERT_TRUE(grace.receives("1"));
    EXPECT_TRUE(grace.is_whole());
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, AnAnswerTooManyChangesNothing) {
    const auto offer = alan->offer();
    ASSERT_TRUE(offer);
    const auto answer = alan->browser->answer(*offer);
    ASSERT_TRUE(answer);
    const auto give = [&] {
        return await<Ok>([&](Done<Ok> done) { alan->server->answer(*answer, std::move(done)); });
    };
    ASSERT_TRUE(give());
    const auto again = give();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::WrongState);
    ASSERT_TRUE(alan->receives("0"));
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, APageReloadThatIsWithdrawnLeavesThePageBefore) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    peer::Connection late(loop, certificate);
    late.add_track(Kind::Audio);
    late.add_track(Kind::Audio);
    const auto answer = begin(late.create_offer());
    EXPECT_EQ(engine->connections(), 3U);
    ada->server->withdraw_offer();
    ASSERT_TRUE(
        wait_for("the end of what was made for it", [&] { return *answer && engine->connections() == 2; }));
    EXPECT_FALSE(**answer);
    ASSERT_TRUE(alan->receives("0"));
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_TRUE(alan->is_unharmed());
    EXPECT_EQ(ada->server->tracks(), (media::Constraints{true, true}));
}

TEST_F(Renegotiation, AfterAWithdrawnPageReloadComesTheNextAtOnce) {
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    peer::Connection late(loop, certificate);
    late.add_track(Kind::Audio);
    late.add_track(Kind::Audio);
    const auto answer = begin(late.create_offer());
    ada->server->withdraw_offer();
    ada->reload();
    ada->browser->add_track(Kind::Audio);
    ada->browser->add_track(Kind::Audio);
    ASSERT_TRUE(ada->negotiate());
    ASSERT_TRUE(wait_for("the answer to the one before", [&] { return answer->has_value(); }));
    EXPECT_FALSE(**answer);
    ASSERT_TRUE(alan->negotiate());
    ASSERT_TRUE(alan->receives("0"));
    ASSERT_TRUE(alan->receives("2"));
    EXPECT_TRUE(wait_for("the end of the others", [&] { return engine->connections() == 2; }));
}

TEST_F(Renegotiation, AnAddedTrackThatIsWithdrawnMayBeOfferedAgain) {
    ada->browser->add_track(Kind::Video);
    const auto offer = ada->browser->create_offer();
    const auto answer = begin(offer);
    ada->server->withdraw_offer();
    const auto meanwhile =
        await<std::string>([&](Done<std::string> done) { ada->server->offer(offer, std::move(done)); });
    ASSERT_FALSE(meanwhile);
    EXPECT_EQ(meanwhile.error().code, ErrorCode::WrongState);
    ASSERT_TRUE(wait_for("webrtcbin's reply", [&] { return answer->has_value(); }));
    EXPECT_FALSE(**answer);
    EXPECT_EQ(ada->server->tracks(), (media::Constraints{true, false}));
    EXPECT_EQ(engine->connections(), 2U);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_TRUE(alan->is_unharmed());
}

TEST_F(Renegotiation, AnOfferThatIsRefusedChangesNothing) {
    for (const char* sdp : {"", "v=0\r\n", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}) {
        const auto refused =
            await<std::string>([&](Done<std::string> done) { ada->server->offer(sdp, std::move(done)); });
        EXPECT_FALSE(refused);
    }
    ASSERT_TRUE(alan->receives("0"));
    ada->browser->add_track(Kind::Video);
    ASSERT_TRUE(both());
    ASSERT_TRUE(alan->receives("1"));
    EXPECT_TRUE(alan->is_unharmed());
}

}  // namespace
}  // namespace sluice::test
