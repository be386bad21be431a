#include "gst/factory.h"
#include "gst/ref.h"
#include "media_fixture.h"

namespace sluice::test {
namespace {

struct MediaFlow : MediaFixture {};

TEST_F(MediaFlow, SoundAndPictureArriveWholeAndBeginWithAKeyFrame) {
    Publisher ada(*this, "ada");
    ASSERT_TRUE(ada.with_both().negotiate());
    ASSERT_TRUE(
        wait_for("the producer's connection", [&] { return ada.state() == ConnectionState::Connected; }));
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    const auto answered = peer::now();
    ASSERT_TRUE(alan.receives("0", 40));
    ASSERT_TRUE(alan.receives("1", 40));
    EXPECT_TRUE(alan.is_whole());
    EXPECT_TRUE(alan.track("1")->began_with_key_frame());
    EXPECT_LT(alan.track("0")->first_at() - answered, 1s);
    EXPECT_LT(alan.track("1")->first_key_frame_at() - answered, 1s);
    EXPECT_EQ(alan.state(), ConnectionState::Connected);
}

TEST_F(MediaFlow, AConnectionCountsFromTheCallThatNeedsIt) {
    Publisher ada(*this, "ada");
    ada.with_both();
    EXPECT_EQ(engine->connections(), 0U);
    ada.server->offer(ada.browser->create_offer(), Done<std::string>([](const Result<std::string>&) {}));
    EXPECT_EQ(engine->connections(), 1U);
    Viewer alan(*this, ada, "alan");
    EXPECT_EQ(engine->connections(), 1U);
    std::optional<Result<std::string>> first, second;
    alan.server->offer(false,
                       Done<std::string>([&](Result<std::string> offer) { first = std::move(offer); }));
    alan.server->offer(false,
                       Done<std::string>([&](Result<std::string> offer) { second = std::move(offer); }));
    EXPECT_EQ(engine->connections(), 2U);
    ASSERT_TRUE(wait_for("two offers", [&] { return first && second; }));
    EXPECT_EQ(engine->connections(), 2U);
}

TEST_F(MediaFlow, NoConnectionIsMadeThatMayNotBe) {
    Publisher ada(*this, "ada");
    ada.with_both();
    ASSERT_TRUE(ada.negotiate());
    Viewer alan(*this, ada, "alan"), grace(*this, ada, "grace");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(alan.receives("0"));

    may_connect = Error{ErrorCode::LimitReached, "no room"};
    const auto offer = grace.offer();
    ASSERT_FALSE(offer);
    EXPECT_EQ(offer.error().message, "no room");
    peer::Connection reloaded(loop, certificate);
    reloaded.add_track(Kind::Audio);
    const auto answer = await<std::string>(
        [&](Done<std::string> done) { ada.server->offer(reloaded.create_offer(), std::move(done)); });
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "no room");
    EXPECT_EQ(engine->connections(), 2U);
    ASSERT_TRUE(alan.receives("0"));
    EXPECT_TRUE(alan.is_unharmed());
    EXPECT_TRUE(alan.negotiate(true)) << "needs no new one";
}

TEST_F(MediaFlow, AnOfferIsThereBeforeTheFirstPacket) {
    Publisher ada(*this, "ada", {.ice = false});
    ASSERT_TRUE(ada.with_both().negotiate());
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(wait_for("the connection", [&] { return alan.browser->connected(); }));
    EXPECT_EQ(alan.browser->remote()->sections.size(), 2U);
    EXPECT_EQ(alan.browser->receiver().packets(), 0U);
}

struct EveryCodec : MediaFixture, testing::WithParamInterface<const char*> {};

TEST_P(EveryCodec, PassesAndBeginsWithAKeyFrame) {
    Publisher ada(*this, "ada");
    ASSERT_TRUE(ada.with_both({.codec = GetParam()}).negotiate());
    Viewer early(*this, ada, "early");
    ASSERT_TRUE(early.negotiate());
    ASSERT_TRUE(early.receives("1", 40));
    Viewer late(*this, ada, "late");
    ASSERT_TRUE(late.negotiate());
    ASSERT_TRUE(late.receives("1", 40));
    for (const Viewer* viewer : {&early, &late}) {
        EXPECT_EQ(viewer->track("1")->codec(), GetParam());
        EXPECT_TRUE(viewer->track("1")->began_with_key_frame()) << viewer->user;
        EXPECT_TRUE(viewer->is_whole());
    }
    EXPECT_EQ(ada.server->stats().tracks.at(1).codec, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Media, EveryCodec, testing::Values("VP8", "VP9", "H264", "AV1"),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(MediaFlow, TwoVideosWhoseOfferNamesNoSsrcAreTwoTracks) {
    Publisher ada(*this, "ada");
    for (int i = 0; i < 2; i++) ada.browser->add_track(Kind::Video).track().names_ssrc = false;
    ASSERT_TRUE(ada.negotiate());
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(alan.receives("0"));
    ASSERT_TRUE(alan.receives("1"));
    EXPECT_TRUE(alan.is_whole());
    EXPECT_NE(alan.track("0")->last_mark()->track, alan.track("1")->last_mark()->track);
}

TEST_F(MediaFlow, AMutedTrackStopsAndComesBackWithoutALoss) {
    Publisher ada(*this, "ada");
    ASSERT_TRUE(ada.with_both().negotiate());
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(alan.receives("1", 20));
    const auto key_frames = alan.track("1")->key_frames();

    ada.server->set_flowing({.audio = true, .video = false});
    // What is on its way has come once the sound sent after the mute has.
    ASSERT_TRUE(alan.receives("0", 5));
    const auto packets = alan.track("1")->packets();
    ASSERT_TRUE(alan.receives("0", 20));
    EXPECT_EQ(alan.track("1")->packets(), packets);
    EXPECT_TRUE(alan.server->stats().tracks.at(1).muted);

    const auto unmuted = peer::now();
    ada.server->set_flowing({.audio = true, .video = true});
    ASSERT_TRUE(alan.receives("1", 1));
    EXPECT_LT(alan.track("1")->last_at() - unmuted, 300ms);
    ASSERT_TRUE(alan.receives("1", 20));
    EXPECT_GT(alan.track("1")->key_frames(), key_frames);
    EXPECT_GT(alan.track("1")->left_out(), 0U);
    EXPECT_EQ(alan.track("0")->left_out(), 0U);
    EXPECT_TRUE(alan.is_whole());
}

TEST_F(MediaFlow, MutedFromTheBeginning) {
    Publisher ada(*this, "ada");
    ada.server->set_flowing({.audio = true, .video = false});
    ASSERT_TRUE(ada.with_both().negotiate());
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(alan.receives("0", 20));
    EXPECT_EQ(alan.track("1"), nullptr);
    ada.server->set_flowing({.audio = false, .video = true});
    ASSERT_TRUE(alan.receives("1", 20));
    EXPECT_TRUE(alan.track("1")->began_with_key_frame());
    EXPECT_TRUE(alan.is_whole());
}

TEST_F(MediaFlow, StatisticsCountWhatTheBrowsersCount) {
    Publisher ada(*this, "ada");
    ASSERT_TRUE(ada.with_both().negotiate());
    ada.video().lose_every = 25;
    Viewer alan(*this, ada, "alan"), grace(*this, ada, "grace");
    alan.browser->receiver().lose_every = 25;
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(grace.negotiate());
    ASSERT_TRUE(alan.receives("1", 100));
    ASSERT_TRUE(grace.receives("1", 100));
    ada.browser->freeze();
    EXPECT_TRUE(wait_for("all that was sent at the server",
                         [&] { return ada.server->stats().bytes == ada.browser->bytes_sent(); }));
    for (const Viewer* viewer : {&alan, &grace}) {
        const auto& got = viewer->browser->receiver();
        // Both at once: what was lost is asked for still, and sent.
        EXPECT_TRUE(wait_for("all that the server sent",
                             [&] {
                                 const auto sent = viewer->server->stats();
                                 return sent.bytes == got.bytes() && sent.packets == got.packets();
                             }))
            << viewer->user << ": " << viewer->server->stats().bytes << " and " << got.bytes() << " bytes, "
            << viewer->server->stats().packets << " and " << got.packets() << " packets; "
            << viewer->browser->early() << " early, " << viewer->browser->overflowed() << " overflowed, "
            << viewer->browser->not_authentic() << " not authentic, " << viewer->browser->replayed()
            << " replayed";
    }
    EXPECT_GT(alan.browser->receiver().retransmissions(), 0U);
    auto tracks = ada.server->stats().tracks;
    ASSERT_EQ(tracks.size(), 2U);
    // What comes before the server has checked the certificate is dropped, and counted; the last may be in
    // webrtcbin still.
    EXPECT_TRUE(wait_for("all that was sent at the track",
                         [&] {
                             tracks = ada.server->stats().tracks;
                             return tracks[0].packets + tracks[0].dropped == ada.audio().packets();
                         }))
        << tracks[0].packets << " and " << tracks[0].dropped << " of " << ada.audio().packets();
    EXPECT_EQ(tracks[0].kind, "audio");
    EXPECT_EQ(tracks[0].codec, "opus");
    EXPECT_EQ(tracks[1].kind, "video");
}

TEST_F(MediaFlow, TheAudioLevelPassesAndTheMidDoesNot) {
    Publisher ada(*this, "ada");
    constexpr int kMid = 9;
    ASSERT_TRUE(ada.with_both({.mid_extension = kMid}).negotiate());
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(alan.receives("0"));
    ASSERT_TRUE(alan.receives("1"));
    const auto& offered = alan.browser->remote()->sections.at(0);
    const int level = offered.extension(peer::sdp::kAudioLevel);
    EXPECT_GT(level, 0);
    EXPECT_EQ(alan.track("0")->extension_ids(), 1U << level);
    EXPECT_EQ(alan.track("1")->extension_ids(), 0U);
    for (const auto& section : alan.browser->remote()->sections)
        EXPECT_EQ(section.extension(peer::sdp::kMid), 0);
}

TEST_F(MediaFlow, WhoLeavesAndComesBackAtOnceGetsAnOffer) {
    Publisher ada(*this, "ada");
    ASSERT_TRUE(ada.with_both().negotiate());
    for (int round = 0; round < 20; round++) {
        const auto offer = Viewer(*this, ada, "alan").offer();
        ASSERT_TRUE(offer) << "round " << round << ": " << offer.error().message;
    }
    Viewer alan(*this, ada, "alan");
    ASSERT_TRUE(alan.negotiate());
    ASSERT_TRUE(alan.receives("1"));
}

TEST_F(MediaFlow, PeersThatLetTheServerBeginDtls) {
    Publisher ada(*this, "ada", {.active = false});
    ASSERT_TRUE(ada.with_both().negotiate());
    Viewer alan(*this, ada, "alan", {.active = false});
    ASSERT_TRUE(alan.negotiate());
    EXPECT_TRUE(alan.receives("0"));
    EXPECT_TRUE(alan.receives("1", 20));
    EXPECT_EQ(alan.state(), ConnectionState::Connected);
}

/// Makes every dtlsenc of the process slow to send.
gboolean slow_down_dtls(GSignalInvocationHint*, guint, const GValue* values, gpointer) {
    auto* element = static_cast<GstElement*>(g_value_get_object(values + 1));
    if (gst::is_made_by(element, "dtlsenc")) {
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(element, "src"));
        const auto wait = [](GstPad*, GstPadProbeInfo*, gpointer) {
            g_usleep(100000);
            return GST_PAD_PROBE_OK;
        };
        gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, wait, nullptr, nullptr);
    }
    return TRUE;
}

TEST_F(MediaFlow, NothingOvertakesTheLastFlightOfDtls) {
    const guint added = g_signal_lookup("element-added", GST_TYPE_BIN);
    const gulong hook = g_signal_add_emission_hook(added, 0, slow_down_dtls, nullptr, nullptr);
    Publisher ada(*this, "ada");
    EXPECT_TRUE(ada.with_both().negotiate());
    EXPECT_TRUE(wait_for("media of the producer", [&] {
        const auto tracks = ada.server->stats().tracks;
        return tracks.size() == 2 && tracks[0].packets > 0 && tracks[1].packets > 0;
    }));
    Viewer alan(*this, ada, "alan");
    EXPECT_TRUE(alan.negotiate());
    EXPECT_TRUE(alan.receives("1", 20));
    EXPECT_EQ(alan.browser->early(), 0U);
    g_signal_remove_emission_hook(added, hook);
}

}  // namespace
}  // namespace sluice::test
