#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "elements/key_frame.h"

namespace sluice::elements {
namespace {

using Payload = std::vector<uint8_t>;

bool begins(KeyFrameFinder& finder, const Payload& payload, uint32_t timestamp = 0) {
    return finder.begins(payload.data(), payload.size(), timestamp);
}
bool begins(Codec codec, const Payload& payload) {
    KeyFrameFinder finder(codec);
    return begins(finder, payload);
}

TEST(KeyFrame, CodecNames) {
    for (const char* name : {"opus", "VP8", "VP9", "H264", "AV1"}) EXPECT_TRUE(codec_from(name)) << name;
    EXPECT_FALSE(codec_from("H265"));
    EXPECT_FALSE(codec_from(""));
    EXPECT_FALSE(is_video(*codec_from("opus")));
    EXPECT_TRUE(is_video(*codec_from("AV1")));
}

TEST(KeyFrame, SoundHasNone) {
    EXPECT_FALSE(begins(Codec::Opus, {0x10, 0x00}));
}

// RFC 7741 section 4: descriptor X R N S R PID, then the frame header whose P bit is 0 in a key frame.
TEST(KeyFrame, Vp8) {
    EXPECT_TRUE(begins(Codec::Vp8, {0x10, 0x00}));
    EXPECT_FALSE(begins(Codec::Vp8, {0x10, 0x01})) << "P: an inter frame";
    EXPECT_FALSE(begins(Codec::Vp8, {0x00, 0x00})) << "no start of a partition";
    EXPECT_FALSE(begins(Codec::Vp8, {0x11, 0x00})) << "partition 1";
    EXPECT_TRUE(begins(Codec::Vp8, {0x90, 0x80, 0x12, 0x00})) << "picture id of 7 bits";
    EXPECT_TRUE(begins(Codec::Vp8, {0x90, 0x80, 0x92, 0x34, 0x00})) << "picture id of 15 bits";
    EXPECT_FALSE(begins(Codec::Vp8, {0x90, 0x80, 0x92, 0x34, 0x01}));
    EXPECT_TRUE(begins(Codec::Vp8, {0x90, 0xe0, 0x92, 0x34, 0x01, 0x01, 0x00})) << "I, L and T";
    EXPECT_TRUE(begins(Codec::Vp8, {0x90, 0xf0, 0x92, 0x34, 0x01, 0x21, 0x00})) << "I, L, T and K";
    EXPECT_TRUE(begins(Codec::Vp8, {0x90, 0x10, 0x01, 0x00})) << "K alone";
}

TEST(KeyFrame, Vp8CutShort) {
    for (const Payload& payload :
         {Payload{}, Payload{0x10}, Payload{0x90}, Payload{0x90, 0x80}, Payload{0x90, 0x80, 0x92},
          Payload{0x90, 0x80, 0x92, 0x34}, Payload{0x90, 0xf0, 0x92, 0x34, 0x01, 0x21}})
        EXPECT_FALSE(begins(Codec::Vp8, payload)) << payload.size() << " octets";
}

// RFC 9628 section 4.2: I P L F B E V Z.
TEST(KeyFrame, Vp9) {
    EXPECT_TRUE(begins(Codec::Vp9, {0x08, 0x00})) << "B, not P, no layers";
    EXPECT_TRUE(begins(Codec::Vp9, {0x88, 0x92, 0x34, 0x00})) << "with a picture id";
    EXPECT_FALSE(begins(Codec::Vp9, {0x48, 0x00})) << "P: an inter picture";
    EXPECT_FALSE(begins(Codec::Vp9, {0x00, 0x00})) << "not the beginning of a frame";
    EXPECT_TRUE(begins(Codec::Vp9, {0xa8, 0x12, 0x00, 0x00})) << "base layer";
    EXPECT_TRUE(begins(Codec::Vp9, {0xa8, 0x92, 0x34, 0x00, 0x00})) << "base layer, long picture id";
    EXPECT_FALSE(begins(Codec::Vp9, {0xa8, 0x12, 0x02, 0x00})) << "spatial layer 1";
    EXPECT_FALSE(begins(Codec::Vp9, {0xa8, 0x12, 0x01, 0x00})) << "D: depends on the layer below";
}

TEST(KeyFrame, Vp9CutShort) {
    for (const Payload& payload :
         {Payload{}, Payload{0xa8}, Payload{0xa8, 0x12}, Payload{0xa8, 0x92, 0x34}, Payload{0x28}})
        EXPECT_FALSE(begins(Codec::Vp9, payload)) << payload.size() << " octets";
}

// RFC 6184 section 5: 5 IDR, 7 SPS, 8 PPS, 1 another slice, 24 STAP-A, 28 FU-A.
TEST(KeyFrame, H264) {
    EXPECT_TRUE(begins(Codec::H264, {0x67, 0x42}));
    EXPECT_TRUE(begins(Codec::H264, {0x65, 0x88}));
    EXPECT_FALSE(begins(Codec::H264, {0x68, 0xce})) << "PPS alone";
    EXPECT_FALSE(begins(Codec::H264, {0x61, 0x88})) << "another slice";
    EXPECT_TRUE(begins(Codec::H264, {0x78, 0x00, 0x02, 0x67, 0x42, 0x00, 0x01, 0x68})) << "STAP-A with SPS";
    EXPECT_TRUE(begins(Codec::H264, {0x78, 0x00, 0x01, 0x09, 0x00, 0x01, 0x67})) << "behind a delimiter";
    EXPECT_FALSE(begins(Codec::H264, {0x78, 0x00, 0x02, 0x61, 0x42, 0x00, 0x01, 0x68}));
    EXPECT_TRUE(begins(Codec::H264, {0x7c, 0x85, 0x00})) << "FU-A, the start of an IDR slice";
    EXPECT_FALSE(begins(Codec::H264, {0x7c, 0x05, 0x00})) << "FU-A, its middle";
    EXPECT_FALSE(begins(Codec::H264, {0x7c, 0x81, 0x00})) << "FU-A of another slice";
}

TEST(KeyFrame, H264BeginsOncePerPicture) {
    KeyFrameFinder finder(Codec::H264);
    EXPECT_TRUE(begins(finder, {0x67, 0x42}, 90));
    EXPECT_FALSE(begins(finder, {0x68, 0xce}, 90));
    EXPECT_FALSE(begins(finder, {0x65, 0x88}, 90)) << "the SPS before it was the beginning";
    EXPECT_FALSE(begins(finder, {0x61, 0x88}, 180));
    EXPECT_TRUE(begins(finder, {0x67, 0x42}, 270));
    EXPECT_FALSE(begins(finder, {0x7c, 0x85, 0x00}, 270));
}

TEST(KeyFrame, H264CutShort) {
    for (const Payload& payload :
         {Payload{}, Payload{0x7c}, Payload{0x78}, Payload{0x78, 0x00}, Payload{0x78, 0x00, 0x02},
          Payload{0x78, 0xff, 0xff, 0x61}, Payload{0x78, 0x00, 0x00, 0x00, 0x00}})
        EXPECT_FALSE(begins(Codec::H264, payload)) << payload.size() << " octets";
}

// AV1 RTP specification section 4.4: Z Y W W N.
TEST(KeyFrame, Av1) {
    EXPECT_TRUE(begins(Codec::Av1, {0x18, 0x0a}));
    EXPECT_TRUE(begins(Codec::Av1, {0x08}));
    EXPECT_FALSE(begins(Codec::Av1, {0x10, 0x32}));
    EXPECT_FALSE(begins(Codec::Av1, {0xb0, 0x32}));
    EXPECT_FALSE(begins(Codec::Av1, {}));
}

/// The sanitizers see what is read beyond the end: each payload has a block of memory of just its size.
TEST(KeyFrame, AnyBytesAreSafe) {
    std::mt19937 random(1);
    for (const Codec codec : {Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1}) {
        KeyFrameFinder finder(codec);
        for (int i = 0; i < 20'000; i++) {
            const size_t size = random() % 24;
            const auto payload = std::make_unique<uint8_t[]>(size);
            for (size_t at = 0; at < size; at++) payload[at] = uint8_t(random());
            if (codec == Codec::H264 && size > 0 && i % 2)
                payload[0] = 0x78;
            finder.begins(payload.get(), size, uint32_t(random()));
        }
    }
}

}  // namespace
}  // namespace sluice::elements
