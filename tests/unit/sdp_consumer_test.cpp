#include "sdp_fixture.h"

using namespace sluice;
using namespace sluice::media::sdp;
using namespace sluice::media::sdp::test;

namespace {

Description parsed_answer(const std::string& text) {
    auto answer = parse_answer(text);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? std::move(answer).value() : Description{};
}

/// What the answers under tests/data/sdp were given to.
std::vector<OutTrack> offered(const std::vector<std::string>& codecs) {
    std::vector<OutTrack> tracks;
    int rtx = 96;
    for (const auto& codec : codecs) {
        const auto mid = std::to_string(tracks.size());
        tracks.push_back(out_track(mid, codec, 1000 + 2 * static_cast<uint32_t>(tracks.size()),
                                   codec == "opus" ? -1 : rtx++));
    }
    return tracks;
}

/// A browser's answer to opus and VP8.
std::string plain_answer() {
    const auto text = with(offer_with("actpass", "active"), "SAVPF 96 97", "SAVPF 100 96");
    auto answer =
        with(with(text, "a=rtpmap:96 VP8", "a=rtpmap:100 VP8"), "a=rtpmap:97 rtx", "a=rtpmap:96 rtx");
    for (int i = 0; i < 2; i++) answer = with(answer, "a=sendonly", "a=recvonly");
    return answer;
}
std::vector<OutTrack> plain_tracks() {
    return {out_track("a", "opus", 1000), out_track("v", "VP8", 1002, 96)};
}

std::vector<bool> media_of(const std::vector<Taken>& taken) {
    std::vector<bool> media;
    for (const auto& each : taken) media.push_back(each.media);
    return media;
}

}  // namespace

TEST(ConsumerCodec, HasOnePayloadType) {
    const std::pair<const char*, int> known[] = {{"opus", 111}, {"VP8", 100}, {"VP9", 101}, {"h264", 102},
                                                 {"AV1", 103},  {"rtx", -1},  {"PCMU", -1}, {"", -1}};
    for (const auto& [name, type] : known) {
        Codec codec;
        codec.name = name;
        EXPECT_EQ(payload_type_of(codec), type) << name;
    }
}

TEST(ConsumerExtension, HasOneIdForAllKinds) {
    EXPECT_EQ(pass_through("urn:ietf:params:rtp-hdrext:ssrc-audio-level"), 1);
    EXPECT_EQ(pass_through("http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"), 7);
    EXPECT_EQ(pass_through("urn:ietf:params:rtp-hdrext:sdes:mid"), 0);
    EXPECT_EQ(pass_through("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"), 0);
    EXPECT_EQ(pass_through(Kind::Audio).size(), 2u);
    EXPECT_EQ(pass_through(Kind::Video).size(), 6u);
    for (const auto kind : {Kind::Audio, Kind::Video})
        for (const auto& [id, uri] : pass_through(kind)) EXPECT_EQ(pass_through(uri), id);
}

TEST(ConsumerOffer, SaysAllBeforeTheFirstPacket) {
    auto tracks = plain_tracks();
    tracks[0].codec.fmtp = "minptime=10;useinbandfec=1";
    const auto text = write_offer(tracks, local_transport("actpass"));
    EXPECT_EQ(lines_of(text.substr(0, text.find("m=")), ""),
              (Lines{"v=0", "o=- 4611686018427387904 7 IN IP4 127.0.0.1", "s=-", "t=0 0",
                     "a=group:BUNDLE a v", "a=ice-lite", "a=msid-semantic: WMS *"}));
    EXPECT_EQ(lines_of(section_of(text, 0), ""),
              (Lines{"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:a", "a=sendonly",
                     "a=msid:stream track-a", "a=ice-ufrag:srvU", "a=ice-pwd:0123456789012345678901",
                     "a=fingerprint:sha-256 " + kFingerprint, "a=setup:actpass",
                     "a=candidate:1 1 udp 2130706431 127.0.0.1 9999 typ host", "a=end-of-candidates",
                     "a=rtcp-mux", "a=rtcp-rsize", "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
                     "a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
                     "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1",
                     "a=ssrc:1000 cname:someone", "a=ssrc:1000 msid:stream track-a"}));
    const auto video = section_of(text, 1);
    EXPECT_EQ(lines_of(video, "m="), Lines{"video 9 UDP/TLS/RTP/SAVPF 100 96"});
    EXPECT_EQ(lines_of(video, "a=rtpmap:"), (Lines{"100 VP8/90000", "96 rtx/90000"}));
    EXPECT_EQ(lines_of(video, "a=fmtp:"), Lines{"96 apt=100"});
    EXPECT_EQ(lines_of(video, "a=rtcp-fb:"), (Lines{"100 nack", "100 nack pli", "100 ccm fir"}));
    EXPECT_EQ(lines_of(video, "a=ssrc-group:"), Lines{"FID 1002 1003"});
    EXPECT_EQ(lines_of(video, "a=ssrc:"), (Lines{"1002 cname:someone", "1002 msid:stream track-v",
                                                 "1003 cname:someone", "1003 msid:stream track-v"}));
}

TEST(ConsumerOffer, KeepsThePlaceOfAnInactiveTrack) {
    auto tracks = plain_tracks();
    tracks[1].active = false;
    const auto text = write_offer(tracks, local_transport("actpass"));
    EXPECT_EQ(lines_of(text, "a=group:"), Lines{"BUNDLE a v"});
    const auto offer = parse_offer(text);
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_EQ(offer->sections[0].direction, Direction::SendOnly);
    EXPECT_EQ(offer->sections[1].direction, Direction::Inactive);
    EXPECT_FALSE(offer->sections[1].rejected);
}

TEST(ConsumerAnswer, OfBrowsersIsUnderstood) {
    struct Recording {
        const char* name;
        std::vector<std::string> codecs;
        std::vector<bool> accepted;
    };
    const Recording recordings[] = {
        {"chromium-answer-all-codecs", {"opus", "VP8", "VP9", "H264", "AV1"}, {true, true, true, true, true}},
        {"firefox-answer-all-codecs", {"opus", "VP8", "VP9", "AV1"}, {true, true, true, true}},
        {"chromium-answer-inactive", {"opus", "VP8", "VP8"}, {true, false, true}},
        {"firefox-answer-inactive", {"opus", "VP8", "VP8"}, {true, false, true}},
        {"firefox-answer-rejected", {"opus", "H264"}, {true, false}},
    };
    for (const auto& [name, codecs, accepted] : recordings) {
        const auto answer = parsed_answer(recorded(name));
        EXPECT_EQ(answer.transport.setup, "active") << name;
        const auto read = read_answer(answer, offered(codecs));
        ASSERT_TRUE(read) << name << ": " << read.error().message;
        EXPECT_EQ(media_of(*read), accepted) << name;
        for (size_t i = 0; i < codecs.size(); i++) {
            if (!accepted[i])
                continue;
            EXPECT_EQ((*read)[i].rtx, codecs[i] != "opus") << name << ", section " << i;
        }
    }
}

TEST(ConsumerAnswer, MayLeaveOutExtensionsAndRetransmission) {
    auto text = plain_answer();
    text = with(with(text, "a=rtpmap:96 rtx/90000\r\na=fmtp:97 apt=96\r\n", ""), "SAVPF 100 96", "SAVPF 100");
    const auto read = read_answer(parsed_answer(text), plain_tracks());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(media_of(*read), (std::vector<bool>{true, true}));
    EXPECT_FALSE((*read)[1].rtx);
}

TEST(ConsumerAnswer, MayRejectASectionWithoutItsMid) {
    const auto text =
        with(with(with(plain_answer(), "a=mid:v\r\n", ""), "video 9", "video 0"), "BUNDLE a v", "BUNDLE a");
    const auto read = read_answer(parsed_answer(text), plain_tracks());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(media_of(*read), (std::vector<bool>{true, false}));
}

struct WrongAnswer {
    const char* name;
    const char* what;
    const char* replacement;
    const char* message;
};
void PrintTo(const WrongAnswer& answer, std::ostream* out) {
    *out << answer.name;
}
class ConsumerAnswerThatDoesNotFit : public testing::TestWithParam<WrongAnswer> {};

TEST_P(ConsumerAnswerThatDoesNotFit, IsRefused) {
    const auto& [name, what, replacement, message] = GetParam();
    const auto read = read_answer(parsed_answer(with(plain_answer(), what, replacement)), plain_tracks());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::Unacceptable);
    EXPECT_EQ(read.error().field, "answer.sdp");
    EXPECT_EQ(read.error().message, message);
}

INSTANTIATE_TEST_SUITE_P(
    Sdp, ConsumerAnswerThatDoesNotFit,
    testing::Values(
        WrongAnswer{"OneSectionMore", "m=video", "m=text 0 x y\r\nm=video",
                    "the answer has 3 m-sections, the offer had 2"},
        WrongAnswer{"AnotherKind", "m=audio 9", "m=video 9",
                    "m-section 0 (video, mid \"a\") is not audio, as the offer's is"},
        WrongAnswer{
            "AnotherCodec", "100 VP8/90000", "100 VP9/90000",
            "m-section 1 (video, mid \"v\") does not take the codec of the offer, VP8 with payload type "
            "100"},
        WrongAnswer{
            "AnotherClockRate", "opus/48000/2", "opus/24000/2",
            "m-section 0 (audio, mid \"a\") does not take the codec of the offer, opus with payload type "
            "111"},
        WrongAnswer{
            "AnotherPayloadType", "SAVPF 100 96", "SAVPF 120 96",
            "m-section 1 (video, mid \"v\") does not take the codec of the offer, VP8 with payload type "
            "100"}),
    [](const auto& info) { return info.param.name; });

TEST(ConsumerAnswer, HasTheMidsOfTheOffer) {
    auto tracks = plain_tracks();
    tracks[1].mid = "w";
    const auto read = read_answer(parsed_answer(plain_answer()), tracks);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "m-section 1 (video, mid \"v\") has not the offer's mid, \"w\"");
}

TEST(BinAnswer, TakesEveryTrack) {
    auto tracks = plain_tracks();
    tracks[0].codec.fmtp = "minptime=10";
    tracks[1].active = false;
    const auto text =
        write_bin_answer(tracks, parsed_answer(recorded("firefox-answer-rejected")).transport, "123", 4);
    EXPECT_TRUE(text.starts_with("v=0\r\no=- 123 4 IN IP4 127.0.0.1\r\n"));
    const auto answer = parsed_answer(text);
    EXPECT_EQ(answer.bundle, (Lines{"a", "v"}));
    EXPECT_EQ(answer.transport.setup, "active");
    EXPECT_EQ(answer.transport.ufrag, "92575a53");
    const auto read = read_answer(answer, tracks);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(media_of(*read), (std::vector<bool>{true, true}));
    EXPECT_EQ(lines_of(text, "a=rtcp-fb:"), (Lines{"100 nack", "100 nack pli", "100 ccm fir"}));
    EXPECT_EQ(lines_of(text, "a=rtpmap:"), (Lines{"111 opus/48000/2", "100 VP8/90000"}));
    EXPECT_EQ(lines_of(text, "a=fmtp:"), Lines{});
}

TEST(BinDescription, TellsWhatWebrtcbinChose) {
    const auto read = read_bin_description(
        "v=0\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 OPUS/48000/2\r\na=fingerprint:sha-256 "
        "AB:CD\r\n"
        "m=video 0 UDP/TLS/RTP/SAVPF 100 97\r\na=rtpmap:100 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->fingerprint, "AB:CD");
    EXPECT_EQ(read->sections, 2u);
}

TEST(BinDescription, NeedsAFingerprint) {
    const auto read = read_bin_description("v=0\r\n");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::Internal);
}
