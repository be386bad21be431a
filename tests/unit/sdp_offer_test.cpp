#include "sdp_fixture.h"

using namespace sluice;
using namespace sluice::media::sdp;
using namespace sluice::media::sdp::test;

namespace {

/// "0 audio sendonly opus 111 | 1 video rejected": each section, and what of it is taken.
std::string summary(const Description& offer) {
    std::string text;
    for (const auto& section : offer.sections) {
        text += (text.empty() ? "" : " | ") + section.mid + " " + section.media + " " +
                (section.rejected ? "rejected" : to_string(section.direction));
        const auto track = section.rejected ? std::nullopt : choose(section, kAllCodecs);
        if (!track)
            continue;
        text += " " + track->codec.name + " " + std::to_string(track->codec.payload_type);
        if (track->rtx)
            text += "+" + std::to_string(track->rtx->payload_type);
        text += " ssrcs " + std::to_string(track->ssrcs.size()) + (track->rtx_ssrc ? "+1" : "");
    }
    return text;
}

struct Recording {
    const char* name;
    const char* chromium;
    const char* firefox;
};
void PrintTo(const Recording& recording, std::ostream* out) {
    *out << recording.name;
}

constexpr Recording kRecordings[] = {
    {"sendrecv", "0 audio sendrecv opus 111 ssrcs 1 | 1 video sendrecv VP8 96+97 ssrcs 1+1",
     "0 audio sendrecv opus 109 ssrcs 1 | 1 video sendrecv VP8 120+124 ssrcs 1+1"},
    {"two-videos",
     "0 audio sendonly opus 111 ssrcs 1 | 1 video sendonly VP8 96+97 ssrcs 1+1 | 2 video sendonly VP8 96+97 "
     "ssrcs 1+1",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video sendonly VP8 120+124 ssrcs 1+1 | 2 video sendonly VP8 "
     "120+124 ssrcs 1+1"},
    {"removed",
     "0 audio sendonly opus 111 ssrcs 1 | 1 video inactive VP8 96+97 ssrcs 1+1 | 2 video sendonly VP8 96+97 "
     "ssrcs 1+1",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video inactive VP8 120+124 ssrcs 1 | 2 video sendonly VP8 "
     "120+124 ssrcs 1+1"},
    {"stopped", "0 audio sendonly opus 111 ssrcs 1 | 1 video rejected | 2 video sendonly VP8 96+97 ssrcs 1+1",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video rejected | 2 video sendonly VP8 120+124 ssrcs 1+1"},
    {"recycled",
     "0 audio sendonly opus 111 ssrcs 1 | 3 video sendonly VP8 96+97 ssrcs 1+1 | 2 video sendonly VP8 96+97 "
     "ssrcs 1+1",
     "0 audio sendonly opus 109 ssrcs 1 | 3 video sendonly VP8 120+124 ssrcs 1+1 | 2 video sendonly VP8 "
     "120+124 ssrcs 1+1"},
    {"first-stopped",
     "0 audio rejected | 3 video sendonly VP8 96+97 ssrcs 1+1 | 2 video sendonly VP8 96+97 ssrcs 1+1",
     "0 audio rejected | 3 video sendonly VP8 120+124 ssrcs 1+1 | 2 video sendonly VP8 120+124 ssrcs 1+1"},
    {"ice-restart",
     "0 audio rejected | 3 video sendonly VP8 96+97 ssrcs 1+1 | 2 video sendonly VP8 96+97 ssrcs 1+1",
     "0 audio rejected | 3 video sendonly VP8 120+124 ssrcs 1+1 | 2 video sendonly VP8 120+124 ssrcs 1+1"},
    {"simulcast", "0 audio sendonly opus 111 ssrcs 1 | 1 video sendonly VP8 96+97 ssrcs 0",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video sendonly VP8 120+124 ssrcs 1+1"},
    {"data-channel-first",
     "0 audio sendonly opus 111 ssrcs 1 | 1 video sendonly VP8 96+97 ssrcs 1+1 | 2 application sendrecv",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video sendonly VP8 120+124 ssrcs 1+1 | 2 application sendrecv"},
    {"idle-transceivers",
     "0 audio sendonly opus 111 ssrcs 1 | 1 video sendonly VP8 96+97 ssrcs 1+1 | 2 video inactive VP8 96+97 "
     "ssrcs 0 | 3 video recvonly VP8 96+97 ssrcs 0",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video sendonly VP8 120+124 ssrcs 1+1 | 2 video inactive VP8 "
     "120+124 ssrcs 1 | 3 video recvonly VP8 120+124 ssrcs 1"},
    {"max-bundle", "0 audio sendonly opus 111 ssrcs 1 | 1 video sendonly VP8 96+97 ssrcs 1+1",
     "0 audio sendonly opus 109 ssrcs 1 | 1 video sendonly VP8 120+124 ssrcs 1+1"},
};

class RecordedOffer : public testing::TestWithParam<Recording> {
protected:
    static void expect(const std::string& name, const char* expected) {
        const auto offer = parse_offer(recorded(name));
        ASSERT_TRUE(offer) << name << ": " << offer.error().message;
        EXPECT_EQ(summary(*offer), expected) << name;
    }
};

/// A full agent needs them; those of the section that speaks for BUNDLE count, so many of them, in full.
TEST(Offer, KeepsItsCandidates) {
    const std::string first = "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host generation 0";
    std::string lines = "a=mid:a\r\na=" + first + "\r\na=candidate:" + std::string(300, 'x') + "\r\n";
    for (int i = 0; i < 100; i++) lines += "a=candidate:2 1 udp 1 192.0.2.1 50001 typ host\r\n";
    const auto offer = parse_offer(with(with(plain_offer(), "a=mid:a\r\n", lines), "a=mid:v\r\n",
                                        "a=mid:v\r\na=candidate:3 1 udp 1 192.0.2.1 50002 typ host\r\n"));
    ASSERT_TRUE(offer) << offer.error().message;
    const auto& candidates = offer->transport.candidates;
    ASSERT_EQ(candidates.size(), 64U);
    EXPECT_EQ(candidates[0], first);
    EXPECT_EQ(candidates[1], "candidate:2 1 udp 1 192.0.2.1 50001 typ host");
}

}  // namespace

TEST_P(RecordedOffer, OfChromiumIsUnderstood) {
    expect(std::string("chromium-offer-") + GetParam().name, GetParam().chromium);
}

TEST_P(RecordedOffer, OfFirefoxIsUnderstood) {
    expect(std::string("firefox-offer-") + GetParam().name, GetParam().firefox);
}

INSTANTIATE_TEST_SUITE_P(Sdp, RecordedOffer, testing::ValuesIn(kRecordings), [](const auto& info) {
    std::string name = info.param.name;
    std::erase(name, '-');
    return name;
});

TEST(ParsedOffer, HasAllOfASection) {
    const auto offer = parse_offer(recorded("chromium-offer-sendrecv"));
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_FALSE(offer->session_id.empty());
    EXPECT_EQ(offer->bundle, (Lines{"0", "1"}));
    EXPECT_EQ(offer->transport.setup, "actpass");
    ASSERT_EQ(offer->transport.fingerprints.size(), 1u);
    EXPECT_EQ(offer->transport.fingerprints[0].algorithm, "sha-256");

    const auto& audio = offer->sections[0];
    EXPECT_EQ(audio.kind, Kind::Audio);
    EXPECT_EQ(audio.protocol, "UDP/TLS/RTP/SAVPF");
    EXPECT_TRUE(audio.formats.starts_with("111 63 "));
    EXPECT_TRUE(audio.rtcp_mux);
    EXPECT_TRUE(audio.rtcp_rsize);
    EXPECT_EQ(audio.codecs[0].name, "opus");
    EXPECT_EQ(audio.codecs[0].clock_rate, 48000u);
    EXPECT_EQ(audio.codecs[0].channels, 2);
    EXPECT_EQ(audio.codecs[0].fmtp, "minptime=10;useinbandfec=1");
    EXPECT_EQ(audio.codecs[0].feedback, Lines{"transport-cc"});
    EXPECT_EQ(audio.extensions[0].id, 1);
    EXPECT_EQ(audio.extensions[0].uri, "urn:ietf:params:rtp-hdrext:ssrc-audio-level");
    EXPECT_EQ(audio.ssrcs.size(), 1u);
    EXPECT_EQ(audio.msid.size(), 36u + 1 + 36);

    const auto& video = offer->sections[1];
    EXPECT_EQ(video.ssrcs.size(), 2u);
    ASSERT_EQ(video.fid.size(), 1u);
    EXPECT_EQ(video.fid[0], std::pair(video.ssrcs[0], video.ssrcs[1]));
}

TEST(ParsedOffer, TakesTheTransportOfTheFirstLiveSectionOfItsBundle) {
    auto text = recorded("firefox-offer-first-stopped");
    const auto offer = parse_offer(text);
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_EQ(offer->bundle.front(), "3");
    EXPECT_EQ(offer->transport.ufrag, lines_of(section_of(text, 1), "a=ice-ufrag:").front());
}

TEST(ParsedOffer, RestartOfIceChangesTheCredentialsOnly) {
    for (const std::string browser : {"chromium", "firefox"}) {
        const auto before = parse_offer(recorded(browser + "-offer-first-stopped"));
        const auto after = parse_offer(recorded(browser + "-offer-ice-restart"));
        ASSERT_TRUE(before && after);
        EXPECT_EQ(before->session_id, after->session_id);
        EXPECT_EQ(before->transport.fingerprints, after->transport.fingerprints);
        EXPECT_NE(before->transport.ufrag, after->transport.ufrag);
        EXPECT_NE(before->transport.pwd, after->transport.pwd);
    }
}

TEST(ParsedOffer, LooksPastWhatItDoesNotKnow) {
    const std::string unknown =
        "a=new-thing\r\na=another:thing with spaces\r\nb=AS:5\r\ni=\xC3\xA9t\xC3\xA9\tx\r\na=rtpmap:50 "
        "x/1\r\n"
        "a=extmap:4096 urn:later\r\na=extmap:9/recvonly urn:not-sent\r\na=fingerprint:sha-999 00\r\n"
        "a=ssrc-group:SIM 1 2 3\r\na=rtcp-fb:* transport-cc\r\na=rtcp-fb:111 " +
        std::string(200, 'x') + "\r\n";
    const auto offer = parse_offer(offer_with("a=mid:a\r\n", "a=mid:a\r\n" + unknown));
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_TRUE(offer->sections[0].extensions.empty());
    EXPECT_EQ(offer->sections[0].codecs[0].feedback, Lines{"transport-cc"});
}

/// The answer has to mean one thing in all of the bundle (RFC 8843 section 12).
TEST(ParsedOffer, ExtensionsAreNumberedByTheFirstSectionThatHasThem) {
    const auto extensions_of = [](const std::string& text) {
        const auto offer = parse_offer(text);
        EXPECT_TRUE(offer) << offer.error().message;
        std::vector<Lines> result;
        for (size_t i = 0; offer && i < offer->sections.size(); i++) {
            result.emplace_back();
            for (const auto& [id, uri] : offer->sections[i].extensions)
                result.back().push_back(std::to_string(id) + " " + uri);
        }
        return result;
    };
    EXPECT_EQ(extensions_of(recorded("aiortc-offer")),
              (std::vector<Lines>{
                  {"1 urn:ietf:params:rtp-hdrext:sdes:mid", "2 urn:ietf:params:rtp-hdrext:ssrc-audio-level"},
                  {"1 urn:ietf:params:rtp-hdrext:sdes:mid"}}));
    EXPECT_EQ(
        extensions_of(with(offer_with("a=mid:v\r\n", "a=mid:v\r\na=extmap:3 urn:x\r\na=extmap:4 urn:y\r\n"),
                           "a=mid:a\r\n", "a=mid:a\r\na=extmap:2 urn:x\r\n")),
        (std::vector<Lines>{{"2 urn:x"}, {"4 urn:y"}}));
}

TEST(ParsedOffer, TakesBareLineFeedsAndNoneAtTheEnd) {
    auto text = plain_offer();
    std::erase(text, '\r');
    EXPECT_TRUE(parse_offer(text));
    text.pop_back();
    EXPECT_TRUE(parse_offer(text));
    EXPECT_TRUE(parse_offer(text + "\n\r\n\n"));
}

TEST(ParsedOffer, PutsHexInUpperAndHashesInLowerCase) {
    auto offer = parse_offer(offer_with("sha-256 C9:A7", "SHA-256 c9:a7"));
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_EQ(offer->transport.fingerprints[0], (Fingerprint{"sha-256", kFingerprint}));
}
