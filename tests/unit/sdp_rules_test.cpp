#include <functional>

#include "sdp_fixture.h"

using namespace sluice;
using namespace sluice::media::sdp;
using namespace sluice::media::sdp::test;

namespace {

struct Refusal {
    const char* name;
    std::string text;
    ErrorCode code;
    const char* message;  ///< A part of it: the value, the place and what is wanted.
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
    *out << refusal.name;
}

Refusal not_sdp(const char* name, std::string text, const char* message) {
    return {name, std::move(text), ErrorCode::InvalidArgument, message};
}
/// The plain offer with one replacement.
Refusal refused(const char* name, std::string_view what, std::string_view replacement, const char* message) {
    return {name, offer_with(what, replacement), ErrorCode::Unacceptable, message};
}

std::string name_of_refusal(const testing::TestParamInfo<Refusal>& info) {
    return info.param.name;
}

std::string many(size_t count, const std::function<std::string(size_t)>& line) {
    std::string text;
    for (size_t i = 0; i < count; i++) text += line(i) + "\r\n";
    return text;
}
std::string number(size_t i) {
    return std::to_string(i);
}

}  // namespace

class RefusedOffer : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedOffer, SaysWhy) {
    const auto& refusal = GetParam();
    const auto offer = parse_offer(refusal.text);
    ASSERT_FALSE(offer);
    EXPECT_EQ(offer.error().code, refusal.code) << offer.error().message;
    EXPECT_EQ(offer.error().field, "offer.sdp");
    EXPECT_NE(offer.error().message.find(refusal.message), std::string::npos)
        << "says    " << offer.error().message << "\nand not " << refusal.message;
    EXPECT_LT(offer.error().message.size(), 400u);
}

INSTANTIATE_TEST_SUITE_P(
    NotSdp, RefusedOffer,
    testing::Values(
        not_sdp("Empty", "", "begins with \"\", not with \"v=0\""),
        not_sdp("OnlyLineEnds", "\r\n\r\n", "begins with \"\", not with \"v=0\""),
        not_sdp("Json", R"({"type":"offer"})", "not with \"v=0\""),
        not_sdp("OtherVersion", offer_with("v=0", "v=1"), "begins with \"v=1\""),
        not_sdp("BeginsWithABlank", " " + plain_offer(), "not with \"v=0\""),
        not_sdp("NulByte", plain_offer() + std::string(1, '\0'), "NUL byte"),
        not_sdp("TooLong", plain_offer() + many(16384, [](size_t) { return "a=0123456789012"; }),
                "bytes long; at most 262144 are allowed"),
        not_sdp("EmptyLine", offer_with("s=-\r\n", "s=-\r\n\r\n"), "line 4: not of the form"),
        not_sdp("NoEqualsSign", offer_with("s=-", "s"), "line 3: not of the form \"x=value\": \"s\""),
        not_sdp("UpperCaseType", offer_with("s=-", "S=-"), "line 3: not of the form"),
        not_sdp("LoneCarriageReturn", offer_with("s=-", "s=-\ra=x"), "line 3: there is a control character"),
        not_sdp("ControlCharacter", offer_with("mid:a", "mid:\x01"), "control character: \"a=mid:?\""),
        not_sdp("NoOrigin", offer_with("o=- 42 1 IN IP4 127.0.0.1\r\n", ""), "there is no o= line"),
        not_sdp("ShortOrigin", offer_with("o=- 42 1 IN", "o=- 42 1"), "o= has 5 fields, six are needed"),
        not_sdp("OriginWithoutNumber", offer_with("o=- 42", "o=- x"),
                "line 2: o= has session id \"x\", a decimal number is needed"),
        not_sdp("MediaWithoutFormats", offer_with("RTP/SAVPF 111", "RTP/SAVPF"),
                "m= needs media, port, protocol and formats: \"audio 9 UDP/TLS/RTP/SAVPF\""),
        not_sdp("MediaWithoutPort", offer_with("audio 9", "audio x"), "m= needs media, port"),
        not_sdp("PortTooHigh", offer_with("audio 9", "audio 65536"), "m= needs media, port"),
        not_sdp("BrokenProtocol", offer_with("UDP/TLS", "UDP//TLS"), "m= needs media, port"),
        not_sdp("BrokenFormat", offer_with("SAVPF 111", "SAVPF (111)"), "m= needs media, port")),
    name_of_refusal);

INSTANTIATE_TEST_SUITE_P(
    Values, RefusedOffer,
    testing::Values(
        refused("ShortUfrag", "ufrag:abcd", "ufrag:abc",
                "line 6: ice-ufrag \"abc\" is not 4 to 256 letters, digits, + or /"),
        refused("LongUfrag", "ufrag:abcd", "ufrag:" + std::string(257, 'a'), "is not 4 to 256"),
        refused("UfragWithBlank", "ufrag:abcd", "ufrag:ab cd", "ice-ufrag \"ab cd\""),
        refused("ShortPwd", "pwd:abcdefghijklmnopqrstuv", "pwd:abcdefghijklmnopqrstu",
                "line 7: ice-pwd \"abcdefghijklmnopqrstu\" is not 22 to 256"),
        refused("LongPwd", "pwd:abcdefghijklmnopqrstuv", "pwd:" + std::string(257, 'a'), "is not 22 to 256"),
        refused("PwdWithDash", "pwd:abcdefghijklmnopqrstuv", "pwd:abcdefghijklmnopqrst-v", "ice-pwd"),
        refused("ShortFingerprint",
                "C9:A7:", "C9:", "is not the 32 hexadecimal pairs, with colons, of sha-256"),
        refused("FingerprintWithoutColons", "C9:A7:", "C9.A7:", "hexadecimal pairs"),
        refused("FingerprintNotHexadecimal", "C9:A7:", "G9:A7:", "hexadecimal pairs"),
        refused("FingerprintOfAnotherHash", "sha-256", "sha-1", "is not the 20 hexadecimal pairs"),
        refused("ManyFingerprints", "a=setup",
                many(8, [](size_t) { return "a=fingerprint:sha-256 " + kFingerprint; }) + "a=setup",
                "there are more than 8 fingerprints"),
        refused("Setup", "setup:actpass", "setup:holdconn",
                "line 9: setup \"holdconn\" is not actpass, active or passive"),
        refused("EmptyMid", "mid:v", "mid:", "line 17, m-section 1 (video): mid \"\" is not a token"),
        refused("MidWithBlank", "mid:v", "mid:v w", "mid \"v w\" is not a token"),
        refused("LongMid", "mid:v", "mid:" + std::string(129, 'v'), "vvv...\" is not a token"),
        refused("PayloadTypeTooHigh", "96 97", "96 128",
                "line 16, m-section 1 (video): payload type \"128\" is not a number from 0 to 127"),
        refused("PayloadTypeNegative", "96 97", "96 -1", "payload type \"-1\" is not"),
        refused("PayloadTypeNoNumber", "96 97", "96 x", "payload type \"x\" is not"),
        refused("PayloadTypeTwice", "96 97", "96 97 96", "payload type 96 stands twice in the m-line"),
        refused("PayloadTypeOfRtcp", "96 97", "96 72",
                "payload type 72 cannot be told from RTCP; rtcp-mux leaves 0 to 63 and 96 to 127"),
        refused("RtpmapWithoutRate", "VP8/90000", "VP8",
                "line 20, m-section 1 (video, mid \"v\"): rtpmap \"96 VP8\" is not a payload type and "
                "name/clock-rate"),
        refused("RtpmapRateZero", "VP8/90000", "VP8/0", "rtpmap \"96 VP8/0\""),
        refused("RtpmapName", "VP8/90000", "V P8/90000", "rtpmap"),
        refused("RtpmapChannels", "opus/48000/2", "opus/48000/many", "rtpmap \"111 opus/48000/many\""),
        refused("RtpmapTwice", "a=rtpmap:97", "a=rtpmap:96 H264/90000\r\na=rtpmap:97",
                "payload type 96 has a second rtpmap, \"96 H264/90000\""),
        refused("FmtpWithoutType", "fmtp:97 apt", "fmtp:x apt", "is not a payload type and at most 2048"),
        refused("FmtpTooLong", "apt=96", "apt=96;" + std::string(2048, 'x'), "at most 2048 printable"),
        refused("FmtpNotAscii", "apt=96", "apt=\xC3\xA9", "fmtp \"apt=??\""),
        refused("FeedbackWithoutType", "a=ssrc-group", "a=rtcp-fb:x nack\r\na=ssrc-group",
                "rtcp-fb is for \"x\", a payload type or \"*\" is needed"),
        refused("ExtensionIdZero", "a=ssrc-group", "a=extmap:0 urn:x\r\na=ssrc-group",
                "extmap of \"urn:x\" needs an id from 1 to 255"),
        refused("ExtensionIdTooHigh", "a=ssrc-group", "a=extmap:256 urn:x\r\na=ssrc-group",
                "id from 1 to 255"),
        refused("ExtensionIdNoNumber", "a=ssrc-group", "a=extmap:x urn:x\r\na=ssrc-group",
                "id from 1 to 255"),
        refused("ExtensionWithoutUri", "a=ssrc-group", "a=extmap:1\r\na=ssrc-group",
                "extmap 1 needs a URI of at most 256"),
        refused("ExtensionLongUri", "a=ssrc-group",
                "a=extmap:1 " + std::string(257, 'u') + "\r\na=ssrc-group",
                "extmap 1 needs a URI of at most 256"),
        refused("ExtensionIdTwice", "a=ssrc-group", "a=extmap:1 urn:x\r\na=extmap:1 urn:y\r\na=ssrc-group",
                "extmap id 1 is used twice"),
        refused("SsrcTooHigh", "ssrc:2 ", "ssrc:4294967296 ",
                "ssrc \"4294967296\" is not a number from 1 to 2^32 - 1"),
        refused("SsrcNoNumber", "ssrc:2 ", "ssrc:x ", "ssrc \"x\" is not a number"),
        refused("ManySsrcs", "a=ssrc-group",
                many(65, [](size_t i) { return "a=ssrc:" + number(100 + i) + " cname:x"; }) + "a=ssrc-group",
                "there are more than 64 SSRCs"),
        refused("SsrcOfNone", "a=ssrc:3 ", "a=ssrc:0 ", "ssrc \"0\" is not a number from 1 to 2^32 - 1"),
        refused("FidOfNone", "FID 2 3", "FID 2 0", "is not two different SSRCs"),
        refused("FidOfOne", "FID 2 3", "FID 2", "ssrc-group:FID \"2\" is not two different SSRCs"),
        refused("FidOfThree", "FID 2 3", "FID 2 3 4", "is not two different SSRCs"),
        refused("FidOfTheSame", "FID 2 3", "FID 2 2", "is not two different SSRCs"),
        refused("ManyFids", "a=ssrc-group",
                many(65, [](size_t) { return "a=ssrc-group:FID 2 3"; }) + "a=ssrc-group",
                "more than 64 groups of SSRCs"),
        refused("ManySections", "m=audio", many(64, [](size_t) { return "m=x 0 y z"; }) + "m=audio",
                "there are more than 64 m-sections")),
    name_of_refusal);

INSTANTIATE_TEST_SUITE_P(
    Wholes, RefusedOffer,
    testing::Values(
        Refusal{"NoSection", plain_offer().substr(0, plain_offer().find("m=")), ErrorCode::Unacceptable,
                "there is no m-section"},
        Refusal{"NothingLive", with(offer_with("audio 9", "audio 0"), "video 9", "video 0"),
                ErrorCode::Unacceptable, "a=group:BUNDLE names no m-section with a port"},
        refused("NoMid", "a=mid:v\r\n", "", "m-section 1 (video) has no a=mid"),
        refused("MidTwice", "a=mid:v", "a=mid:a",
                "m-section 1 (video, mid \"a\") has a mid that another m-section has too"),
        refused(
            "NoBundle", "a=group:BUNDLE a v\r\n", "",
            "m-section 0 (audio, mid \"a\") is not in a=group:BUNDLE; all audio and video must be bundled"),
        refused("HalfABundle", "BUNDLE a v", "BUNDLE a", "m-section 1 (video, mid \"v\") is not in"),
        refused("TwoBundles", "BUNDLE a v", "BUNDLE a\r\na=group:BUNDLE v", "mid \"v\") is not in"),
        refused("BundleOfAStranger", "BUNDLE a v", "BUNDLE a v w",
                "a=group:BUNDLE names mid \"w\", which no m-section has"),
        refused("BundleRepeats", "BUNDLE a v", "BUNDLE a v a", "a=group:BUNDLE names mid \"a\" twice"),
        refused("BundleOfNoToken", "BUNDLE a v", "BUNDLE a v (", "mid \"(\", which is not a token"),
        refused("BundleOfMany", "BUNDLE a v",
                "BUNDLE" + many(1,
                                [](size_t) {
                                    std::string mids;
                                    for (size_t i = 0; i < 65; i++) mids += " " + number(i);
                                    return mids;
                                }),
                "a=group:BUNDLE names more than 64 mids"),
        refused("NoEncryption", "UDP/TLS/RTP/SAVPF 111", "RTP/AVP 111",
                "m-section 0 (audio, mid \"a\") has protocol \"RTP/AVP\"; UDP/TLS/RTP/SAVPF is needed"),
        refused("NoRtcpMux", "a=rtcp-mux\r\n", "", "m-section 0 (audio, mid \"a\") has no a=rtcp-mux"),
        refused(
            "PayloadTypeForTwo", "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 111\r\na=rtpmap:111 H264/90000\r\n",
            "m-section 1 (video, mid \"v\") has payload type 111 for H264/90000, another m-section of the "
            "bundle for opus/48000"),
        refused("SsrcForTwo", "a=ssrc:2 ", "a=ssrc:1 ",
                "m-section 1 (video, mid \"v\") has SSRC 1, and so has m-section 0 (audio, mid \"a\")"),
        refused("FidOfAnothersSsrc", "FID 2 3", "FID 2 1", "has SSRC 1, and so has m-section 0"),
        refused(
            "NoUfrag", "a=ice-ufrag:abcd\r\n", "",
            "m-section 0 (audio, mid \"a\") has no ICE credentials; a=ice-ufrag and a=ice-pwd are needed"),
        refused("NoPwd", "a=ice-pwd:abcdefghijklmnopqrstuv\r\n", "", "has no ICE credentials"),
        refused("HalfOfTheCredentialsElsewhere", "a=mid:a", "a=ice-ufrag:efgh\r\na=mid:a",
                "has no ICE credentials"),
        refused("NoFingerprint", "a=fingerprint:sha-256 " + kFingerprint + "\r\n", "",
                "has no fingerprint of a known hash; an a=fingerprint with sha-256"),
        refused("NoKnownFingerprint", "sha-256 " + kFingerprint, "md5 00",
                "has no fingerprint of a known hash"),
        refused("NoSetup", "a=setup:actpass\r\n", "",
                "has no a=setup; actpass, active or passive is needed")),
    name_of_refusal);

TEST(RefusedAnswer, IsBlamedOnTheAnswer) {
    const auto answer = parse_answer("x");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().field, "answer.sdp");
    EXPECT_EQ(answer.error().message.find("answer.sdp"), std::string::npos)
        << "whoever shows it names the field";
}

TEST(RefusedAnswer, LeavesTheRolesOpen) {
    const auto answer = parse_answer(plain_offer());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::Unacceptable);
    EXPECT_EQ(answer.error().message,
              "m-section 0 (audio, mid \"a\") answers with setup \"actpass\"; active or passive is "
              "needed");
}

TEST(RefusedAnswer, TakesNothing) {
    auto text = with(offer_with("actpass", "active"), "audio 9", "audio 0");
    const auto answer = parse_answer(with(text, "video 9", "video 0"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "every m-section is rejected");
}

/// RFC 8843 section 6: bundle-only is for offers.
TEST(RefusedAnswer, IsNoLessSoForBundleOnly) {
    const auto text = with(offer_with("actpass", "active"), "video 9", "video 0");
    const auto bundle_only = with(text, "a=mid:v", "a=mid:v\r\na=bundle-only");
    const auto offer = parse_offer(bundle_only);
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_FALSE(offer->sections[1].rejected);
    const auto answer = parse_answer(bundle_only);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(answer->sections[1].rejected);
}
