#include <algorithm>
#include <filesystem>
#include <random>

#include "sdp_fixture.h"

using namespace sluice;
using namespace sluice::media::sdp;
using namespace sluice::media::sdp::test;

namespace {

/// Whatever the parser takes, we write something from that is right again.
void use_offer(const std::string& text) {
    const auto offer = parse_offer(text);
    if (!offer)
        return;
    const auto tracks = choose_all(*offer);
    for (const auto& track : tracks) codec_preferences(track);
    const auto answer = write_answer(*offer, tracks, local_transport("passive"));
    ASSERT_EQ(lines_of(answer, "m=").size(), offer->sections.size());
    if (tracks.empty())
        return;
    const auto answered = parse_answer(answer);
    ASSERT_TRUE(answered) << answered.error().message << "\nis what we answer to\n" << text;
    ASSERT_EQ(answered->bundle.size(), tracks.size());
    const auto shown = parse_offer(write_bin_offer(tracks, offer->transport, "active", "1", 1));
    ASSERT_TRUE(shown) << shown.error().message << "\nis what we show webrtcbin of\n" << text;
}

void use_answer(const std::string& text) {
    const std::vector<OutTrack> tracks{out_track("0", "opus", 1000), out_track("1", "VP8", 1002, 96),
                                       out_track("2", "VP8", 1004, 97)};
    const auto answer = parse_answer(text);
    if (!answer || !read_answer(*answer, tracks))
        return;
    const auto shown = parse_answer(write_bin_answer(tracks, answer->transport, "1", 1));
    ASSERT_TRUE(shown) << shown.error().message << "\nis what we show webrtcbin of\n" << text;
}

void use(const std::string& name, const std::string& text) {
    name.find("-answer-") == std::string::npos ? use_offer(text) : use_answer(text);
}

std::vector<std::string> all_recordings() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(SDP_DATA))
        if (entry.path().extension() == ".sdp")
            names.push_back(entry.path().stem().string());
    EXPECT_GT(names.size(), 20u);
    std::ranges::sort(names);
    return names;
}

}  // namespace

TEST(Mutation, CutAtEveryByte) {
    for (const std::string name : {"chromium-offer-simulcast", "firefox-offer-sendrecv",
                                   "chromium-answer-inactive", "firefox-answer-inactive"}) {
        const auto text = recorded(name);
        for (size_t size = 0; size < text.size() && !HasFatalFailure(); size++)
            use(name, text.substr(0, size));
    }
}

TEST(Mutation, BytesChanged) {
    std::mt19937 random(20241124);
    // Those that mean something in SDP are likelier to lead somewhere than any byte.
    const std::string telling = "\r\n =:;/0123456789amvo-";
    for (const auto& name : all_recordings()) {
        const auto original = recorded(name);
        for (int round = 0; round < 150 && !HasFatalFailure(); round++) {
            auto text = original;
            for (auto changes = 1 + random() % 4; changes > 0; changes--) {
                const auto byte =
                    random() % 2 ? telling[random() % telling.size()] : static_cast<char>(random());
                text[random() % text.size()] = byte;
            }
            use(name, text);
        }
    }
}

TEST(Mutation, LinesMovedDoubledAndDropped) {
    std::mt19937 random(20241124);
    for (const auto& name : all_recordings()) {
        const auto original = lines_of(recorded(name), "");
        for (int round = 0; round < 100 && !HasFatalFailure(); round++) {
            auto lines = original;
            for (auto changes = 1 + random() % 3; changes > 0; changes--) {
                const auto at = lines.begin() + static_cast<ptrdiff_t>(1 + random() % (lines.size() - 1));
                const auto line = *at;
                if (random() % 3)
                    lines.erase(at);
                if (random() % 3)
                    lines.insert(lines.begin() + static_cast<ptrdiff_t>(1 + random() % (lines.size() - 1)),
                                 line);
            }
            std::string text;
            for (const auto& line : lines) text += line + "\r\n";
            use(name, text);
        }
    }
}

/// The worst that fits into the limit of 256 KiB is read in no time.
TEST(Mutation, AsMuchAsFits) {
    std::string formats;
    for (int type = 0; type < 128; type++)
        if (type < 64 || type > 95)
            formats += " " + std::to_string(type);
    std::string text = plain_offer();
    for (int section = 0; section < 62; section++)
        text += "m=video 9 UDP/TLS/RTP/SAVPF" + formats + "\r\na=mid:" + std::to_string(section) + "\r\n";
    for (int i = 0; text.size() < 256 * 1024 - 64; i++)
        text += "a=rtcp-fb:* some feedback " + std::to_string(i) + "\r\n";
    const auto offer = parse_offer(text);
    ASSERT_FALSE(offer);
    EXPECT_EQ(offer.error().code, ErrorCode::Unacceptable);
}
