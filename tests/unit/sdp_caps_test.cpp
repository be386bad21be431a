#include <memory>

#include <gst/gst.h>

#include "sdp_fixture.h"

using namespace sluice;
using namespace sluice::media::sdp;
using namespace sluice::media::sdp::test;

namespace {

/// Caps of ours as webrtcbin reads them: a text that does not parse would silently be no caps at all.
class Fields {
public:
    explicit Fields(const std::string& text) : caps_(gst_caps_from_string(text.c_str())) {
        EXPECT_TRUE(caps_) << text;
        if (caps_) {
            EXPECT_EQ(gst_caps_get_size(caps_.get()), 1u) << text;
        }
    }
    std::string operator[](const char* name) const {
        const GValue* value = gst_structure_get_value(gst_caps_get_structure(caps_.get(), 0), name);
        if (!value)
            return "none";
        const std::unique_ptr<char, decltype(&g_free)> text(g_strdup_value_contents(value), g_free);
        return std::string(G_VALUE_TYPE_NAME(value)) + " " + text.get();
    }
    int size() const { return gst_structure_n_fields(gst_caps_get_structure(caps_.get(), 0)); }

private:
    struct Unref {
        void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
    };
    std::unique_ptr<GstCaps, Unref> caps_;
};

}  // namespace

TEST(Caps, OfCodecPreferencesCarryFeedbackAndExtensions) {
    const auto offer = parse_offer(recorded("chromium-offer-sendrecv"));
    ASSERT_TRUE(offer) << offer.error().message;
    const auto track = choose(offer->sections[1], kAllCodecs);
    ASSERT_TRUE(track);
    const Fields fields(codec_preferences(*track));
    EXPECT_EQ(fields["media"], "gchararray \"video\"");
    EXPECT_EQ(fields["encoding-name"], "gchararray \"VP8\"");
    EXPECT_EQ(fields["payload"], "gint 96");
    EXPECT_EQ(fields["clock-rate"], "gint 90000");
    for (const auto* feedback : {"nack", "nack-pli", "ccm-fir"})
        EXPECT_EQ(fields[(std::string("rtcp-fb-") + feedback).c_str()], "gboolean TRUE") << feedback;
    EXPECT_EQ(fields["rtcp-fb-transport-cc"], "none") << "rtpsession is not to report what has come";
    EXPECT_EQ(fields["extmap-3"], "none");
    EXPECT_EQ(fields["extmap-13"], "gchararray \"urn:3gpp:video-orientation\"");
    EXPECT_EQ(fields.size(), 4 + 3 + static_cast<int>(track->extensions.size()) - 1);
}

TEST(Caps, OfCodecPreferencesHaveTheNameThatWebrtcbinComparesWith) {
    const auto offer = parse_offer(recorded("firefox-offer-sendrecv"));
    ASSERT_TRUE(offer) << offer.error().message;
    EXPECT_EQ(Fields(codec_preferences(*choose(offer->sections[0], {})))["encoding-name"],
              "gchararray \"OPUS\"");
}

TEST(Caps, OfEveryTrackNameItsSsrc) {
    for (const auto* codec : {"opus", "VP8", "VP9", "H264", "AV1"}) {
        const auto track = out_track("0", codec, 4294967295u, 97);
        const Fields fields(track_caps(track));
        const bool audio = track.kind == Kind::Audio;
        EXPECT_EQ(fields["media"], audio ? "gchararray \"audio\"" : "gchararray \"video\"");
        EXPECT_EQ(fields["payload"], "gint " + std::to_string(payload_type_of(track.codec)));
        EXPECT_EQ(fields["ssrc"], "guint 4294967295") << "or a PLI is lost in rtpfunnel";
        EXPECT_EQ(fields["encoding-params"], audio ? "gchararray \"2\"" : "none");
        EXPECT_EQ(fields["rtcp-fb-nack"], audio ? "none" : "gboolean TRUE");
        EXPECT_EQ(fields["rtcp-fb-nack-pli"], audio ? "none" : "gboolean TRUE");
        EXPECT_EQ(fields["rtcp-fb-ccm-fir"], audio ? "none" : "gboolean TRUE");
        EXPECT_EQ(fields["rtcp-fb-transport-cc"], "none");
    }
}

int main(int argc, char** argv) {
    gst_init(&argc, &argv);
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
