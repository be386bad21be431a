#include <fstream>
#include <future>
#include <map>
#include <unistd.h>
#include <utility>

#include <gio/gio.h>

#include "component/branch_fixture.h"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

using OwnedSocket = glib::Owned<GSocket, g_object_unref>;

/// At a port that is free if it is 0; null: it is not.
OwnedSocket bound(unsigned port, GSocketType type = G_SOCKET_TYPE_DATAGRAM) {
    GError* error = nullptr;
    OwnedSocket socket(g_socket_new(G_SOCKET_FAMILY_IPV4, type, G_SOCKET_PROTOCOL_DEFAULT, nullptr));
    const glib::Owned<GSocketAddress, g_object_unref> address(
        g_inet_socket_address_new_from_string("127.0.0.1", port));
    g_socket_bind(socket.get(), address.get(), FALSE, &error);
    const glib::OwnedError owned(error);
    return error ? OwnedSocket() : std::move(socket);
}

unsigned port_of(const OwnedSocket& socket) {
    const glib::Owned<GSocketAddress, g_object_unref> address(
        g_socket_get_local_address(socket.get(), nullptr));
    return g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address.get()));
}

/// The first of two, one after the other, at which nobody listens. The system gives none of them to those who
/// ask for any.
unsigned two_free_ports() {
    static unsigned next = 20'000 + 2 * unsigned(getpid() % 5'000);
    for (;;) {
        const unsigned port = std::exchange(next, next + 2);
        if (bound(port) && bound(port + 1))
            return port;
    }
}

struct BranchForwarding : BranchFixture {
    std::string path(const std::string& name) const { return folder + "/" + name; }

    void forward(const std::map<std::string, std::string>& values) {
        media::BranchOptions options;
        options.pipeline = "rtp-forward.launch";
        options.key_frame_interval = 1s;
        options.values["host"] = {"127.0.0.1", ""};
        for (const auto& [hole, value] : values) options.values[hole] = {value, ""};
        begin(options, "");
    }

    /// How much the sender's clock is ahead of the RTP time, in seconds, by the next sender report (RFC 3550
    /// section 6.4.1).
    double clock_offset(GSocket* socket, double clock_rate) {
        g_socket_set_blocking(socket, FALSE);
        unsigned char report[1500] = {};
        EXPECT_TRUE(wait_for("a sender report", [&] {
            return report[1] == 200 || (g_socket_receive(socket, reinterpret_cast<char*>(report),
                                                         sizeof report, nullptr, nullptr) > 0 &&
                                        report[1] == 200);
        }));
        const auto word = [&](size_t at) {
            uint32_t value = 0;
            for (size_t i = 0; i < 4; i++) value = value << 8 | report[at + i];
            return value;
        };
        return word(8) + word(12) / 4294967296.0 - word(16) / clock_rate;
    }
};

TEST_F(BranchForwarding, RtpIsSentOnToAPlayerThatReadsTheDescription) {
    add_sound();
    tell_clock();
    add_picture();
    tell_clock();
    const auto sdp = path("a.sdp");
    std::ofstream(sdp) << "v=0\r\nof the last time\r\n";
    const unsigned sound = two_free_ports(), picture = two_free_ports();
    const auto text = [](unsigned number) { return std::to_string(number); };
    forward({{"sdp", sdp},
             {"audio-port", text(sound)},
             {"audio-rtcp-port", text(sound + 1)},
             {"video-port", text(picture)},
             {"video-rtcp-port", text(picture + 1)}});
    ASSERT_TRUE(wait_for_ms(1));
    EXPECT_EQ(read(sdp),
              "v=0\r\no=- 0 1 IN IP4 127.0.0.1\r\ns=ada in lobby\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
              "m=audio " +
                  text(sound) + " RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\na=rtcp:" + text(sound + 1) +
                  "\r\nm=video " + text(picture) +
                  " RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=rtcp:" + text(picture + 1) + "\r\n");
    auto player = std::async(std::launch::async, [&] {
        return said("ffmpeg -v error -protocol_whitelist file,udp,rtp -i " + sdp + " -t 3 -c copy " +
                    path("a.mkv"));
    });
    ASSERT_TRUE(wait_for(
        "the player's end", [&] { return player.wait_for(0s) == std::future_status::ready; }, 30s));
    EXPECT_GE(std::stol(probe(path("a.mkv"), "stream=nb_read_packets", "a:0")), 100);
    EXPECT_GE(std::stol(probe(path("a.mkv"), "stream=nb_read_packets", "v:0")), 30);
    ASSERT_TRUE(end());
    EXPECT_FALSE(std::filesystem::exists(sdp)) << "nothing is sent any more";
}

TEST_F(BranchForwarding, ADescriptionOfRtpTakesThePlaceOfNoOtherFile) {
    add_sound();
    tell_clock();
    std::ofstream(path("a.sdp")) << "mine";
    forward({{"sdp", path("a.sdp")}});
    ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
    EXPECT_NE(state().error.find("a.sdp: is there already"), std::string::npos) << state().error;
    EXPECT_EQ(read(path("a.sdp")), "mine");
}

TEST_F(BranchForwarding, ADescriptionStaysWhenAnotherSegmentCannotBegin) {
    add_sound();
    tell_clock();
    forward({{"sdp", path("a.sdp")}});
    ASSERT_TRUE(wait_for_ms(1));
    const auto before = read(path("a.sdp"));
    ASSERT_EQ(before.find("m=video"), std::string::npos) << before;
    add_picture();
    tell_clock();
    // The only key frame is too old before there is a segment for it.
    std::promise<void> free;
    const auto freed = free.get_future().share();
    for (int i = 0; i < 2; i++) files->run("something else", [freed] { freed.wait(); });
    ASSERT_TRUE(with_one_key_frame([&] { branches->update(tracks); }));
    const auto come = tracks[1]->counter("packets");
    ASSERT_TRUE(wait_for("packets", [&] { return tracks[1]->counter("packets") > come + 10; }));
    tell_clock(7 * GST_SECOND);
    ASSERT_TRUE(wait_for("what is too old to be dropped", [&] { return state().dropped > 0; }));
    tracks[1]->set_muted(true);
    free.set_value();
    ASSERT_TRUE(wait_for("both", [&] { return read(path("a.sdp")).find("m=video") != std::string::npos; }));
    ASSERT_TRUE(wait_for("sound alone", [&] { return read(path("a.sdp")) == before; }));
    ASSERT_TRUE(end());
}

TEST_F(BranchForwarding, APeerThatRefusesIsToldAndTriedAgain) {
    add_sound();
    tell_clock();
    std::ofstream(path("push.launch")) << "# example: port=1\n[audio opus]\nrtpopusdepay name=audio ! "
                                          "tcpclientsink host=127.0.0.1 port=${port} async=false\n";
    const auto peer = bound(0, G_SOCKET_TYPE_STREAM);  // It does not listen yet.
    media::BranchOptions options;
    options.pipeline = "push.launch";
    options.retry = 1s;
    options.values["port"] = {std::to_string(port_of(peer)), ""};
    begin(options, "");
    ASSERT_TRUE(wait_for("the failure", [&] { return state().phase == media::BranchPhase::Failed; }));
    EXPECT_NE(state().error.find("127.0.0.1"), std::string::npos) << state().error;
    const auto before = tracks.front()->counter("packets");
    ASSERT_TRUE(wait_for("packets", [&] { return tracks.front()->counter("packets") > before + 10; }));
    ASSERT_TRUE(g_socket_listen(peer.get(), nullptr));
    ASSERT_TRUE(wait_for_ms(300));
    ASSERT_TRUE(end());
}

TEST_F(BranchForwarding, SenderReportsKeepSoundAndPictureTogether) {
    add_track("opus",
              "audiotestsrc is-live=true samplesperbuffer=960 ! opusenc ! rtpopuspay timestamp-offset=0");
    tell_clock(300 * GST_MSECOND);
    add_track("VP8",
              "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! "
              "vp8enc deadline=1 cpu-used=16 ! rtpvp8pay timestamp-offset=0");
    tell_clock();
    const auto sound = bound(0), picture = bound(0);
    forward({{"audio-rtcp-port", std::to_string(port_of(sound))},
             {"video-rtcp-port", std::to_string(port_of(picture))}});
    EXPECT_NEAR(clock_offset(sound.get(), 48000), clock_offset(picture.get(), 90000), 0.02);
    ASSERT_TRUE(end());
}

}  // namespace
}  // namespace sluice::test
