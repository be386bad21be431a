#include "sdp_fixture.h"

using namespace sluice;
using namespace sluice::media::sdp;
using namespace sluice::media::sdp::test;

namespace {

/// The video section of the plain offer with other codec lines.
Section video_with(const std::string& formats, const std::string& lines) {
    auto text = offer_with("SAVPF 96 97\r\n", "SAVPF " + formats + "\r\n");
    const auto begin = text.find("a=rtpmap:96");
    text.replace(begin, text.find("a=ssrc-group") - begin, lines);
    const auto offer = parse_offer(text);
    EXPECT_TRUE(offer) << offer.error().message;
    return offer ? offer->sections[1] : Section{};
}

Description parsed(const std::string& text) {
    auto offer = parse_offer(text);
    EXPECT_TRUE(offer) << offer.error().message;
    return offer ? std::move(offer).value() : Description{};
}

Lines uris_of(const std::vector<HeaderExtension>& extensions) {
    Lines result;
    for (const auto& [id, uri] : extensions) result.push_back(std::to_string(id) + " " + uri);
    return result;
}

const std::string kTwoCodecs =
    "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    "a=rtpmap:98 vp9/90000\r\na=fmtp:98 profile-id=0;max-fs=12288\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 "
    "apt=98\r\n";

}  // namespace

TEST(Choose, TakesTheProducersFavouriteOfThoseConfigured) {
    const auto section = video_with("98 99 96 97", kTwoCodecs);
    const auto both = choose(section, {"VP8", "VP9"});
    ASSERT_TRUE(both);
    EXPECT_EQ(both->codec.payload_type, 98);
    EXPECT_EQ(both->codec.name, "VP9") << "as registered, however it was written";
    ASSERT_TRUE(both->rtx);
    EXPECT_EQ(both->rtx->payload_type, 99);
    const auto one = choose(section, {"vp8"});
    ASSERT_TRUE(one);
    EXPECT_EQ(one->codec.payload_type, 96);
    EXPECT_EQ(one->rtx->payload_type, 97);
    EXPECT_FALSE(choose(section, {"AV1"}));
    EXPECT_FALSE(choose(section, {}));
}

TEST(Choose, TakesH264OnlyWithPacketizationModeOne) {
    const std::string modes =
        "a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42001f\r\n"
        "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=0;profile-level-id=42001f\r\n"
        "a=rtpmap:98 H264/90000\r\na=fmtp:98 level-asymmetry-allowed=1; packetization-mode=1;"
        "profile-level-id=42e01f;x-other=1\r\n";
    const auto track = choose(video_with("96 97 98", modes), kAllCodecs);
    ASSERT_TRUE(track);
    EXPECT_EQ(track->codec.payload_type, 98);
    EXPECT_EQ(track->codec.fmtp, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f");
    EXPECT_FALSE(track->rtx);
    EXPECT_FALSE(track->rtx_ssrc) << "no RTX codec, no RTX stream";
}

TEST(Choose, TakesTheProfileOfH264ThatMostReceiversHave) {
    const auto lines = [](const std::vector<std::string>& profiles) {
        std::string text;
        for (size_t i = 0; i < profiles.size(); i++) {
            const auto type = std::to_string(96 + i);
            text += "a=rtpmap:" + type + " H264/90000\r\na=fmtp:" + type + " packetization-mode=1" +
                    (profiles[i].empty() ? "" : ";profile-level-id=" + profiles[i]) + "\r\n";
        }
        return text + "a=rtpmap:100 VP8/90000\r\n";
    };
    using Case = std::pair<std::vector<std::string>, int>;
    for (const auto& [profiles, taken] :
         {Case({"640c1f", "42001f", "42E034", "42e01f"}, 98), Case({"640c1f", "4d001f", "42001f"}, 98),
          Case({"", "x2e01f", "640c1f", "4d001f"}, 96)}) {
        std::string types;
        for (size_t i = 0; i < profiles.size(); i++) types += std::to_string(96 + i) + " ";
        const auto section = video_with(types + "100", lines(profiles));
        EXPECT_EQ(choose(section, kAllCodecs)->codec.payload_type, taken) << profiles.front();
        EXPECT_EQ(choose(section, {"H264"}, 96)->codec.payload_type, 96) << "it was taken before";
        EXPECT_EQ(choose(section, {"H264"}, 99 + 20)->codec.payload_type, taken);
        EXPECT_EQ(choose(section, {"VP8"})->codec.payload_type, 100);
    }
    EXPECT_EQ(choose(video_with("100 96", lines({"42e01f"})), kAllCodecs)->codec.payload_type, 100)
        << "which codec is the producer's choice";
}

TEST(Choose, TakesOpusAsRegisteredOnly) {
    for (const std::string other : {"opus/48000", "opus/24000/2", "opus/48000/1", "PCMU/8000", "L16/48000/2"})
        EXPECT_FALSE(choose(parsed(offer_with("opus/48000/2", other)).sections[0], kAllCodecs)) << other;
    EXPECT_TRUE(choose(parsed(offer_with("opus", "OPUS")).sections[0], kAllCodecs));
}

TEST(Choose, TakesNoCodecOfTheOtherKind) {
    EXPECT_FALSE(choose(video_with("96", "a=rtpmap:96 opus/48000/2\r\n"), kAllCodecs));
    EXPECT_FALSE(choose(video_with("96", "a=rtpmap:96 opus/48000/2\r\n"), {"opus"}));
    EXPECT_FALSE(choose(parsed(offer_with("opus/48000/2", "VP8/90000")).sections[0], kAllCodecs));
}

TEST(Choose, RepeatsOnlyParametersThatDescribeTheStream) {
    const auto video = choose(video_with("98 99 96 97", kTwoCodecs), {"VP9"});
    ASSERT_TRUE(video);
    EXPECT_EQ(video->codec.fmtp, "profile-id=0") << "max-fs is about what the producer can receive";
    const auto audio =
        choose(parsed(offer_with("a=ssrc:1",
                                 "a=fmtp:111 minptime=10;useinbandfec=1;stereo=;usedtx=1 2;x=y\r\na=ssrc:1"))
                   .sections[0],
               {});
    ASSERT_TRUE(audio);
    EXPECT_EQ(audio->codec.fmtp, "minptime=10;useinbandfec=1");
}

TEST(Choose, AnswersOnlyFeedbackThatTheServerGives) {
    const std::string lines =
        "a=rtcp-fb:* nack\r\na=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n"
        "a=rtcp-fb:* goog-remb\r\na=rtcp-fb:* transport-cc\r\na=rtcp-fb:* nack sli\r\n";
    const auto video = choose(video_with("96", "a=rtpmap:96 VP8/90000\r\n" + lines), kAllCodecs);
    ASSERT_TRUE(video);
    EXPECT_EQ(video->codec.feedback, (Lines{"transport-cc", "nack", "nack pli", "ccm fir"}));
    const auto audio = choose(parsed(offer_with("a=ssrc:1", lines + "a=ssrc:1")).sections[0], {});
    ASSERT_TRUE(audio);
    EXPECT_EQ(audio->codec.feedback, Lines{"transport-cc"})
        << "RTX on audio makes Chromium refuse the answer";
}

TEST(Choose, TakesTheExtensionsOfTheServerWithTheProducersIds) {
    const auto chromium = parsed(recorded("chromium-offer-sendrecv"));
    EXPECT_EQ(uris_of(choose(chromium.sections[0], {})->extensions),
              (Lines{"1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
                     "3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"}));
    EXPECT_EQ(uris_of(choose(chromium.sections[1], kAllCodecs)->extensions),
              (Lines{"13 urn:3gpp:video-orientation",
                     "3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
                     "5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
                     "6 http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
                     "7 http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
                     "8 http://www.webrtc.org/experiments/rtp-hdrext/color-space"}));
    const auto firefox = parsed(recorded("firefox-offer-sendrecv"));
    EXPECT_EQ(uris_of(choose(firefox.sections[1], kAllCodecs)->extensions),
              Lines{"7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"})
        << "playout-delay is recvonly there";
}

TEST(Choose, TakesExtensionsOfTheOneByteFormOnce) {
    const std::string extensions =
        "a=extmap-allow-mixed\r\na=extmap:15 urn:3gpp:video-orientation\r\n"
        "a=extmap:16 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"
        "a=extmap:14/sendonly http://www.webrtc.org/experiments/rtp-hdrext/color-space\r\n"
        "a=extmap:1 http://www.webrtc.org/experiments/rtp-hdrext/color-space\r\n"
        "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
        "a=extmap:3 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n";
    const auto track = choose(video_with("96", "a=rtpmap:96 VP8/90000\r\n" + extensions), kAllCodecs);
    ASSERT_TRUE(track);
    EXPECT_EQ(uris_of(track->extensions),
              Lines{"14 http://www.webrtc.org/experiments/rtp-hdrext/color-space"});
}

TEST(Choose, TakesTheFirstStreamOfASection) {
    const auto simulcast = parsed(recorded("firefox-offer-simulcast"));
    const auto track = choose(simulcast.sections[1], kAllCodecs);
    ASSERT_TRUE(track);
    EXPECT_EQ(track->ssrcs, std::vector{simulcast.sections[1].fid[0].first});
    EXPECT_EQ(track->rtx_ssrc, simulcast.sections[1].fid[0].second);
    const auto rtx_first = choose(parsed(with(offer_with("a=ssrc:2 cname:x\r\n", ""), "a=ssrc:3 cname:x\r\n",
                                              "a=ssrc:3 cname:x\r\na=ssrc:2 cname:x\r\n"))
                                      .sections[1],
                                  kAllCodecs);
    EXPECT_EQ(rtx_first->ssrcs, std::vector{2u});
    EXPECT_EQ(rtx_first->rtx_ssrc, 3u);
}

TEST(Choose, TakesTheStreamOfTheMsid) {
    const auto stream_of = [](const std::string& msid) {
        return choose(parsed(offer_with("a=mid:a", "a=mid:a\r\na=msid:" + msid)).sections[0], {})->stream_id;
    };
    EXPECT_EQ(stream_of("{4c2e} {77aa}"), "{4c2e}");
    EXPECT_EQ(stream_of("alone"), "alone");
    EXPECT_EQ(stream_of("- track"), "");
    EXPECT_EQ(stream_of("one track\r\na=msid:two track"), "one");
    EXPECT_EQ(stream_of("a:b track"), "") << "not a token";
    EXPECT_EQ(stream_of(std::string(65, 'a') + " track"), "") << "RFC 8830 allows 64";
}

TEST(Answer, HasEachSectionOfTheOfferWithOneCodec) {
    const auto offer = parsed(recorded("chromium-offer-sendrecv"));
    const auto text = write_answer(offer, choose_all(offer), local_transport("passive"));
    const auto session = text.substr(0, text.find("m="));
    EXPECT_EQ(lines_of(session, ""),
              (Lines{"v=0", "o=- 4611686018427387904 7 IN IP4 127.0.0.1", "s=-", "t=0 0",
                     "a=group:BUNDLE 0 1", "a=ice-lite", "a=msid-semantic: WMS"}));
    EXPECT_EQ(lines_of(section_of(text, 0), ""),
              (Lines{"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly",
                     "a=ice-ufrag:srvU", "a=ice-pwd:0123456789012345678901",
                     "a=fingerprint:sha-256 " + kFingerprint, "a=setup:passive",
                     "a=candidate:1 1 udp 2130706431 127.0.0.1 9999 typ host", "a=end-of-candidates",
                     "a=rtcp-mux", "a=rtcp-rsize", "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
                     "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
                     "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 transport-cc",
                     "a=fmtp:111 minptime=10;useinbandfec=1"}));
    const auto video = section_of(text, 1);
    EXPECT_EQ(lines_of(video, "m="), Lines{"video 9 UDP/TLS/RTP/SAVPF 96 97"});
    EXPECT_EQ(lines_of(video, "a=rtpmap:"), (Lines{"96 VP8/90000", "97 rtx/90000"}));
    EXPECT_EQ(lines_of(video, "a=rtcp-fb:"),
              (Lines{"96 transport-cc", "96 nack", "96 nack pli", "96 ccm fir"}));
    EXPECT_EQ(lines_of(video, "a=fmtp:"), Lines{"97 apt=96"});
}

TEST(Answer, RejectsWhatHasNoTrackAndLeavesItOutOfTheBundle) {
    const auto offer = parsed(recorded("firefox-offer-stopped"));
    auto tracks = choose_all(offer);
    std::erase_if(tracks, [](const InTrack& track) { return track.mid == "0"; });
    const auto text = write_answer(offer, tracks, local_transport("passive"));
    EXPECT_EQ(lines_of(text, "a=group:"), Lines{"BUNDLE 2"});
    EXPECT_EQ(lines_of(section_of(text, 0), ""), (Lines{"m=audio 0 UDP/TLS/RTP/SAVPF 109 9 0 8 101",
                                                        "c=IN IP4 0.0.0.0", "a=mid:0", "a=inactive"}));
    EXPECT_EQ(lines_of(section_of(text, 1), ""),
              (Lines{"m=video 0 UDP/TLS/RTP/SAVPF 120", "c=IN IP4 0.0.0.0", "a=mid:1", "a=inactive"}));
    const auto answer = parse_answer(text);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->sections[2].receives());
}

TEST(Answer, RejectsEvenWithATrackWhatTheBrowserHasStopped) {
    const auto before = choose_all(parsed(recorded("chromium-offer-two-videos")));
    const auto text =
        write_answer(parsed(recorded("chromium-offer-stopped")), before, local_transport("passive"));
    EXPECT_EQ(lines_of(text, "a=group:"), Lines{"BUNDLE 0 2"});
    EXPECT_TRUE(section_of(text, 1).starts_with("m=video 0 "));
}

TEST(Answer, RejectsDataChannels) {
    for (const std::string browser : {"chromium", "firefox"}) {
        const auto offer = parsed(recorded(browser + "-offer-data-channel-first"));
        const auto text = write_answer(offer, choose_all(offer), local_transport("passive"));
        EXPECT_EQ(lines_of(text, "a=group:"), Lines{"BUNDLE 0 1"});
        EXPECT_EQ(lines_of(text, "m=application "), Lines{"0 UDP/DTLS/SCTP webrtc-datachannel"});
    }
}

TEST(Answer, IsInactiveWhereTheBrowserDoesNotSend) {
    const auto offer = parsed(recorded("chromium-offer-idle-transceivers"));
    const auto answer = parse_answer(write_answer(offer, choose_all(offer), local_transport("passive")));
    ASSERT_TRUE(answer) << answer.error().message;
    std::vector<Direction> directions;
    for (const auto& section : answer->sections) directions.push_back(section.direction);
    EXPECT_EQ(directions, (std::vector{Direction::RecvOnly, Direction::RecvOnly, Direction::Inactive,
                                       Direction::Inactive}));
}

TEST(Answer, TakesReducedSizeRtcpOnlyWhereItIsOffered) {
    const auto offer = parsed(recorded("firefox-offer-sendrecv"));
    const auto text = write_answer(offer, choose_all(offer), local_transport("passive"));
    EXPECT_TRUE(lines_of(section_of(text, 0), "a=rtcp-rsize").empty());
    EXPECT_EQ(lines_of(section_of(text, 1), "a=rtcp-rsize").size(), 1u);
}

TEST(Answer, SaysNothingOfSimulcast) {
    for (const std::string browser : {"chromium", "firefox"}) {
        const auto offer = parsed(recorded(browser + "-offer-simulcast"));
        const auto text = write_answer(offer, choose_all(offer), local_transport("passive"));
        EXPECT_TRUE(lines_of(text, "a=rid:").empty());
        EXPECT_TRUE(lines_of(text, "a=simulcast:").empty());
        EXPECT_EQ(text.find("rtp-stream-id"), std::string::npos);
        EXPECT_EQ(text.find("sdes:mid"), std::string::npos);
    }
}

TEST(BinOffer, ShowsEachTrackWithOneCodecAndItsSsrcs) {
    auto tracks = choose_all(parsed(recorded("firefox-offer-sendrecv")));
    tracks[1].ssrcs = {22};
    tracks[1].rtx_ssrc = 33;
    const Transport remote{.ufrag = "abcd",
                           .pwd = "abcdefghijklmnopqrstuv",
                           .fingerprints = {{"sha-256", kFingerprint}, {"sha-1", "00"}},
                           .setup = "actpass"};
    const auto text = write_bin_offer(tracks, remote, "active", "123", 4);
    EXPECT_TRUE(text.starts_with("v=0\r\no=- 123 4 IN IP4 127.0.0.1\r\n"));
    EXPECT_EQ(lines_of(text, "a=group:"), Lines{"BUNDLE 0 1"});
    EXPECT_EQ(lines_of(section_of(text, 1), ""),
              (Lines{"m=video 9 UDP/TLS/RTP/SAVPF 120 124", "c=IN IP4 0.0.0.0", "a=mid:1", "a=sendonly",
                     "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuv",
                     "a=fingerprint:sha-256 " + kFingerprint, "a=setup:active", "a=rtcp-mux", "a=rtcp-rsize",
                     "a=rtpmap:120 VP8/90000", "a=rtcp-fb:120 nack", "a=rtcp-fb:120 nack pli",
                     "a=rtcp-fb:120 ccm fir", "a=rtpmap:124 rtx/90000", "a=fmtp:124 apt=120",
                     "a=ssrc-group:FID 22 33", "a=ssrc:22 cname:producer", "a=ssrc:33 cname:producer"}));
    EXPECT_TRUE(lines_of(section_of(text, 0), "a=fmtp:").empty())
        << "webrtcbin would make caps of a browser's parameters";
}
