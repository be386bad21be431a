#include "base/json.h"

#include <gtest/gtest.h>

#include "base/field_reader.h"

using namespace sluice;

namespace {

struct Text {
    const char* name;
    std::string text;
};
void PrintTo(const Text& text, std::ostream* out) {
    *out << text.name;
}
std::string name_of(const testing::TestParamInfo<Text>& info) {
    return info.param.name;
}
std::string nested(size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

class Accepted : public testing::TestWithParam<Text> {};
TEST_P(Accepted, AsItCame) {
    const auto value = json::parse(GetParam().text);
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(value->text, GetParam().text);
}
INSTANTIATE_TEST_SUITE_P(
    Json, Accepted,
    testing::Values(Text{"Null", "null"}, Text{"Zero", "0"}, Text{"Negative", "-12"},
                    Text{"Exponent", "1.10e-7"}, Text{"HugeInteger", "123456789012345678901234567890"},
                    Text{"HugeDouble", "1e999"}, Text{"EmptyString", "\"\""},
                    Text{"EscapedNul", R"("a\u0000b")"}, Text{"Spaces", "[ 1 ,\t2\r\n]"},
                    Text{"Object", R"({"a":{"b":[{},[]]},"A":null})"}, Text{"Deep", nested(1'000'000)},
                    Text{"SpaceInKey", R"({" ":1})"}, Text{"HalfAPair", R"("\ud800")"},
                    Text{"HalfAPairWithin", R"([{"\ud800":"\udc00"}])"},
                    Text{"TwiceWithin", R"([{"a":{"b":1,"b":1}}])"},
                    Text{"Everything", R"({"a":[],"b":[{}, {"c" : [1,"x",true]},null],"d":{}})"}),
    name_of);

class Refused : public testing::TestWithParam<Text> {};
TEST_P(Refused, WithAReason) {
    const auto value = json::parse(GetParam().text);
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().code, ErrorCode::InvalidArgument);
    EXPECT_NE(value.error().message.find(" at byte "), std::string::npos) << value.error().message;
}
INSTANTIATE_TEST_SUITE_P(
    Json, Refused,
    testing::Values(
        Text{"Empty", ""}, Text{"Space", " "}, Text{"Trailing", "{} x"}, Text{"TwoValues", "1 2"},
        Text{"OpenObject", "{"}, Text{"OpenArray", "[1"}, Text{"OpenString", "\"a"},
        Text{"EscapeAtEnd", "\"\\"}, Text{"TrailingComma", "[1,]"},
        Text{"TrailingCommaInObject", "{\"a\":1,}"}, Text{"NoColon", "{\"a\" 1}"}, Text{"NoComma", "[1 2]"},
        Text{"BareName", "{a:1}"}, Text{"SingleQuotes", "{'a':1}"}, Text{"Comment", "/* */ 1"},
        Text{"Var", "var x = 1"}, Text{"Hex", "0x10"}, Text{"Octal", "010"}, Text{"Plus", "+1"},
        Text{"NoInteger", ".5"}, Text{"NoFraction", "1."}, Text{"NoExponent", "1e"}, Text{"Minus", "-"},
        Text{"NaN", "NaN"}, Text{"Infinity", "Infinity"}, Text{"Capital", "True"}, Text{"Cut", "tru"},
        Text{"Tab", "\"\t\""}, Text{"Escape", R"("\x41")"}, Text{"ShortEscape", R"("\u12")"},
        Text{"Twice", R"({"a":1,"b":2,"a":1})"}, Text{"TwiceByEscape", R"({"a":1,"\u0061":1})"},
        Text{"HalfAPairInName", R"({"\ud800":1})"}, Text{"ByteOrderMark", "\xef\xbb\xbf{}"},
        Text{"NotUtf8", "\"\xff\""}, Text{"Overlong", "\"\xc0\x80\""}, Text{"CutUtf8", "\"\xe2\x82\""},
        Text{"SurrogateInUtf8", "\"\xed\xa0\x80\""}, Text{"Nul", std::string("{\0}", 3)},
        Text{"CommaFirst", "[,1]"}, Text{"CommaFirstInObject", R"({,"a":1})"}, Text{"WrongEnd", "[1}"},
        Text{"WrongEndOfObject", R"([{"a":1])"}, Text{"NoValue", R"({"a":})"},
        Text{"NoColonWithin", R"([{"a" 1}])"}, Text{"BareNameWithin", "[{a:1}]"},
        Text{"TrailingCommaWithin", R"([{"a":1,}])"}, Text{"EscapeWithin", R"([["\u12"]])"},
        Text{"DeepAndOpen", std::string(1'000'000, '[')},
        Text{"DeepObject",
             [] {
                 std::string text;
                 for (int i = 0; i < 100'000; i++) text += "{\"a\":";
                 return text;
             }()}),
    name_of);

TEST(Json, DecodesStrings) {
    const auto value = json::parse(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u20aC")");
    ASSERT_TRUE(value);
    const auto string = json::decoded(*value);
    ASSERT_TRUE(string) << string.error().message;
    EXPECT_EQ(*string, "\"\\/\b\f\n\r\té😀€");
}

TEST(Json, DecodesNothingButText) {
    for (const char* text :
         {R"("\ud800")", R"("\udc00")", R"("\ud800\u0041")", R"("\ud800\ud800")", "1", "null", "{}"}) {
        const auto value = json::parse(text);
        ASSERT_TRUE(value) << text;
        EXPECT_FALSE(json::decoded(*value)) << text;
    }
}

TEST(Json, KeepsTheTextOfMembers) {
    const std::string text = R"( {"info" : { "n": 1.10 } , "x":[1, 2] } )";
    const auto value = json::parse(text);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->members.at("info").text, R"({ "n": 1.10 })");
    EXPECT_EQ(value->members.at("x").text, "[1, 2]");
}

TEST(Json, WritesWhatItReads) {
    const std::string awkward = "quote \" slash \\ line\nreturn\rtab\tbell\x07 del\x7f é";
    const std::string text = json::quoted(awkward);
    const auto value = json::parse(text);
    ASSERT_TRUE(value) << value.error().message;
    EXPECT_EQ(json::decoded(*value).value(), awkward);
    EXPECT_EQ(json::object({}), "{}");
    EXPECT_EQ(json::object({{"a", "1"}, {"b", std::nullopt}, {"c", json::array({"2", "[]"})}}),
              R"({"a":1,"c":[2,[]]})");
    EXPECT_EQ(json::array({}), "[]");
    EXPECT_EQ(json::quoted_valid("cut \xc3\" off"), "\"cut \xef\xbf\xbd\\\" off\"");
}

struct Complaint {
    const char* json;
    const char* field;
    const char* message;
};
class FieldComplaints : public testing::TestWithParam<Complaint> {};
TEST_P(FieldComplaints, NameTheMember) {
    const auto value = json::parse(GetParam().json);
    ASSERT_TRUE(value);
    FieldReader fields(*value);
    fields.id("userId");
    fields.text("userInfo", 10);
    if (auto offer = fields.object("offer")) {
        offer->string("sdp");
        (void)offer->finish();
    }
    fields.boolean("audio");
    const auto status = fields.finish();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().field, GetParam().field);
    EXPECT_EQ(status.error().message, GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    Json, FieldComplaints,
    testing::Values(Complaint{"[]", "", "the body must be a JSON object"},
                    Complaint{R"({"userId":1.0})", "userId", "must be a string or an integer"},
                    Complaint{R"({"userId":1e3})", "userId", "must be a string or an integer"},
                    Complaint{R"({"userId":null})", "userId", "must be a string or an integer"},
                    Complaint{R"({"userInfo":"012345678"})", "userInfo",
                              "is 11 bytes long; at most 10 are allowed"},
                    Complaint{R"({"offer":"v=0"})", "offer", "must be an object"},
                    Complaint{R"({"offer":{}})", "offer.sdp", "is required"},
                    Complaint{R"({"offer":{"sdp":1}})", "offer.sdp", "must be a string"},
                    Complaint{R"({"offer":{"sdp":"v=\u0000"}})", "offer.sdp", "must not contain U+0000"},
                    Complaint{R"({"userId":"\udc00"})", "userId",
                              "is not acceptable JSON: half a surrogate pair in a string at byte 7"},
                    Complaint{R"({"offer":{"sdp":"\ud800"}})", "offer.sdp",
                              "is not acceptable JSON: half a surrogate pair in a string at byte 7"},
                    Complaint{R"({"offer":{"sdp":"v=0","sdp":"v=0"}})", "offer",
                              "is not acceptable JSON: the member 'sdp' a second time at byte 19"},
                    Complaint{R"({"offer":{"sdp":"v=0","x":1}})", "offer.x", "is not a known member"},
                    Complaint{R"({"audio":1})", "audio", "must be true or false"},
                    Complaint{R"({"colour":1})", "colour", "is not a known member"}));

TEST(FieldReader, ReadsWhatIsThere) {
    const auto value =
        json::parse(R"({"userId":12345678901234567890,"userInfo":[1.10,"\ud83d"],"offer":{"sdp":"v=0"}})");
    ASSERT_TRUE(value);
    FieldReader fields(*value);
    EXPECT_EQ(fields.id("userId"), "12345678901234567890");
    EXPECT_EQ(fields.text("userInfo", 100), R"([1.10,"\ud83d"])");
    EXPECT_EQ(fields.boolean("audio"), std::nullopt);
    auto offer = fields.object("offer");
    ASSERT_TRUE(offer);
    EXPECT_EQ(offer->string("sdp"), "v=0");
    EXPECT_TRUE(offer->finish());
    EXPECT_TRUE(fields.finish());
}
