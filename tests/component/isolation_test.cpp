#include <array>
#include <atomic>
#include <cstring>
#include <list>

#include "media_fixture.h"
#include "peer/random.h"
#include "peer/rtp.h"

namespace sluice::test {
namespace {

namespace rtp = peer::rtp;

/// A producer and a control consumer, whose stream must go on whatever somebody else does.
struct Isolation : MediaFixture {
    using MediaFixture::MediaFixture;
    void SetUp() override {
        ada.emplace(*this, "ada");
        ASSERT_TRUE(ada->with_both(media()).negotiate());
        control.emplace(*this, *ada, "control");
        ASSERT_TRUE(control->negotiate());
        ASSERT_TRUE(control->receives("0"));
        ASSERT_TRUE(control->receives("1"));
        control->track("0")->restart_timing();
        control->track("1")->restart_timing();
    }
    void TearDown() override {
        control.reset();
        ada.reset();
        MediaFixture::TearDown();
    }
    virtual peer::Media media() const { return {}; }
    /// Half a second of each track.
    testing::AssertionResult control_goes_on() {
        if (const auto sound = control->receives("0", 25); !sound)
            return sound;
        if (const auto picture = control->receives("1", 25); !picture)
            return picture;
        return control->is_unharmed();
    }
    std::optional<Publisher> ada;
    std::optional<Viewer> control;
};

TEST_F(Isolation, AConsumerThatNeverAnswers) {
    Viewer mute(*this, *ada, "mute");
    ASSERT_TRUE(mute.offer());
    EXPECT_TRUE(control_goes_on());
    EXPECT_EQ(mute.state(), ConnectionState::New);
}

TEST_F(Isolation, AConsumerThatAnswersAndNeverDoesIce) {
    Viewer lame(*this, *ada, "lame", {.ice = false});
    ASSERT_TRUE(lame.negotiate());
    EXPECT_TRUE(control_goes_on());
    EXPECT_EQ(lame.state(), ConnectionState::Connecting);
    EXPECT_EQ(lame.server->stats().packets, 0U);
}

TEST_F(Isolation, AConsumerThatNeverFinishesDtls) {
    Viewer lame(*this, *ada, "lame", {.dtls = false});
    ASSERT_TRUE(lame.negotiate());
    EXPECT_TRUE(control_goes_on());
    EXPECT_EQ(lame.state(), ConnectionState::Connecting);
    EXPECT_EQ(lame.server->stats().packets, 0U);
}

TEST_F(Isolation, AProducerThatNeverConnects) {
    Publisher lame(*this, "lame", {.ice = false});
    ASSERT_TRUE(lame.with_both().negotiate());
    Viewer waits(*this, lame, "waits");
    ASSERT_TRUE(waits.negotiate());
    EXPECT_TRUE(control_goes_on());
}

/// Datagrams of a connected consumer's address that are nothing that it should send.
struct Garbage : Isolation {
    void SetUp() override {
        Isolation::SetUp();
        noisy.emplace(*this, *ada, "noisy");
        ASSERT_TRUE(noisy->negotiate());
        ASSERT_TRUE(noisy->receives("1"));
    }
    void TearDown() override {
        noisy.reset();
        Isolation::TearDown();
    }
    static peer::Packet noise(size_t size) {
        peer::Packet packet(size);
        for (auto& octet : packet) octet = uint8_t(peer::random_number());
        return packet;
    }
    /// So many at a time, some rounds of it, while the control consumer's sound is coming.
    void send(const std::function<peer::Packet()>& make) {
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < 100; i++) noisy->browser->send_raw(make());
            ASSERT_TRUE(control->receives("0", 2));
        }
    }
    std::optional<Viewer> noisy;
};

TEST_F(Garbage, AnyOctets) {
    send([] { return noise(1 + peer::random_number() % 1400); });
    EXPECT_TRUE(control_goes_on());
    EXPECT_TRUE(noisy->receives("1"));
}

/// How often a GstQueue was full, while this lives.
struct Overruns {
    Overruns() : hook_(g_signal_add_emission_hook(signal(), 0, count, this, nullptr)) {}
    ~Overruns() { g_signal_remove_emission_hook(signal(), hook_); }
    std::atomic<unsigned> number = 0;

private:
    static guint signal() {
        const auto queue = gst::Ref<GstElement>::sink(gst_element_factory_make("queue", nullptr));
        return g_signal_lookup("overrun", G_OBJECT_TYPE(queue.get()));
    }
    static gboolean count(GSignalInvocationHint*, guint, const GValue*, gpointer self) noexcept {
        static_cast<Overruns*>(self)->number++;
        return TRUE;
    }
    gulong hook_;
};

/// A queue with a limit of time takes the time since the last datagram for what it holds, and drops the first
/// of two that come before its thread has woken. Of four peers one at least makes them come so.
TEST_F(Isolation, WhatComesAfterASilenceIsNotTakenForTooMuch) {
    const Overruns overruns;
    std::list<Viewer> quiet;
    for (const std::string user : {"q1", "q2", "q3", "q4"}) {
        quiet.emplace_back(*this, *ada, user, peer::Faults{.reports = false});
        ASSERT_TRUE(quiet.back().negotiate());
    }
    constexpr uint64_t kPacketsOfTwoSeconds = 100;
    ASSERT_TRUE(quiet.back().receives("0", kPacketsOfTwoSeconds));
    for (const Viewer& viewer : quiet)
        for (int i = 0; i < 50; i++) viewer.browser->send_raw(Garbage::noise(100));
    ASSERT_TRUE(control_goes_on());
    EXPECT_EQ(overruns.number, 0U);
}

TEST_F(Garbage, RtpThatIsNotAuthentic) {
    send([] {
        auto packet = noise(100 + peer::random_number() % 1000);
        packet[0] = 0x80;
        packet[1] = 100;
        return packet;
    });
    EXPECT_TRUE(control_goes_on());
    EXPECT_TRUE(noisy->receives("1"));
}

TEST_F(Garbage, RtcpThatIsNotAuthentic) {
    send([] {
        auto packet = noise(28 + peer::random_number() % 100);
        packet[0] = 0x81;
        packet[1] = uint8_t(200 + peer::random_number() % 8);
        return packet;
    });
    EXPECT_TRUE(control_goes_on());
    EXPECT_TRUE(noisy->receives("1"));
}

TEST_F(Garbage, RtcpThatIsAuthenticAndWrong) {
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 20; i++) {
            auto packet = noise(8 + 4 * (peer::random_number() % 40));
            packet[0] = uint8_t(0x80 | (peer::random_number() & 0x3f));
            packet[1] = uint8_t(200 + peer::random_number() % 8);
            if (i % 2) {  // Else the length is wrong too.
                packet[2] = 0;
                packet[3] = uint8_t(packet.size() / 4 - 1);
            }
            noisy->browser->send_rtcp(packet);
        }
        ASSERT_TRUE(control->receives("0", 2));
    }
    EXPECT_TRUE(control_goes_on());
}

/// All but the sequence numbers and SSRCs of a producer's packets, which its own SRTP needs.
TEST_F(Garbage, RtpThatIsAuthenticAndWrong) {
    Publisher eve(*this, "eve");
    ASSERT_TRUE(eve.with_both().negotiate());
    Viewer viewer(*this, eve, "viewer");
    ASSERT_TRUE(viewer.negotiate());
    ASSERT_TRUE(viewer.receives("1"));
    eve.browser->distort = [](peer::Packet& packet) {
        const auto below = [](size_t limit) { return size_t(peer::random_number() % limit); };
        constexpr size_t kHeader = 12;
        for (size_t i = below(8); i > 0; i--)
            packet[kHeader + below(std::min(packet.size() - kHeader,
                                            below(2) ? size_t{24} : packet.size()))] = uint8_t(below(256));
        if (below(8) == 0)
            packet.resize(kHeader + 12 + below(packet.size() - kHeader - 11));
        if (below(8) == 0)
            packet[below(2) ? 1 : 4 + below(4)] = uint8_t(below(256));  // marker and type, or time
        if (below(8) == 0)
            packet[0] ^= 0x20;  // padding
        packet[14] = 0;         // An extension longer than the packet libsrtp does not protect.
        packet[15] = std::min<uint8_t>(packet[15], 2);
    };
    ASSERT_TRUE(control->receives("0", 150));
    EXPECT_TRUE(control_goes_on());
    eve.browser->distort = nullptr;
    EXPECT_TRUE(viewer.receives("0", 25));
    EXPECT_TRUE(viewer.receives("1", 25));
}

TEST_F(Garbage, NamesOfPrivateItemsAreNotKept) {
    constexpr const char* kName = "a name that nobody else has";
    const uint32_t size = uint32_t(strlen(kName));
    peer::Writer out;
    out.bytes(peer::rtcp::receiver_report(peer::Receiver::kOwnSsrc, {}, "noisy"));
    const size_t sdes = out.size();
    out.u8(0x81).u8(peer::rtcp::Sdes).u16(0).u32(peer::Receiver::kOwnSsrc);
    out.u8(8).u8(1 + size + 1).u8(size).text(kName).text("x").u8(0).pad(4);  // RFC 3550 section 6.5.8
    out.set16(sdes + 2, uint32_t(out.size() - sdes) / 4 - 1);
    const auto key_frames = noisy->track("1")->key_frames();
    noisy->browser->send_rtcp(out.take());
    noisy->browser->send_rtcp(peer::rtcp::picture_loss(peer::Receiver::kOwnSsrc, noisy->track("1")->ssrc()));
    ASSERT_TRUE(wait_for("what the report behind it asks for",
                         [&] { return noisy->track("1")->key_frames() > key_frames; }));
    EXPECT_EQ(g_quark_try_string(kName), 0U);
}

/// A report of these rtpsession cannot write: it ends the process.
TEST_F(Garbage, TransportWideNumbersThatRepeat) {
    const rtp::ExtensionIds ids{.transport_cc = 3};  // As the peer's offers have it.
    rtp::Header header{.payload_type = 96, .ssrc = uint32_t(peer::random_number())};
    for (int round = 0; round < 10; round++) {
        const int first = 20'000 + 300 * round;
        for (int i = 0; i < 210; i++) {
            peer::Writer packet;
            header.sequence++;
            header.marker = i == 209;
            const int number = first + i / 3 * 4 + i % 3 % 2;  // 0 1 0, 4 5 4...
            rtp::write_header(packet, header, ids, {.transport_sequence = uint16_t(number), .mid = {}});
            ada->browser->send_rtp(packet.text("garbage").take());
        }
        ASSERT_TRUE(control->receives("0", 2));
    }
    EXPECT_TRUE(control_goes_on());
}

TEST_F(Garbage, StunThatMeansNothing) {
    send([] {
        auto packet = noise(20 + 4 * (peer::random_number() % 30));
        packet[0] = uint8_t(peer::random_number() & 3);
        packet[2] = 0;
        packet[3] = uint8_t(packet.size() - 20);
        peer::put16(&packet[4], 0x2112);
        peer::put16(&packet[6], 0xa442);
        return packet;
    });
    EXPECT_TRUE(control_goes_on());
    EXPECT_TRUE(noisy->receives("1"));
}

TEST_F(Garbage, DtlsRecordsOfNobodysAssociation) {
    send([] {
        auto packet = noise(13 + peer::random_number() % 200);
        packet[0] = uint8_t(20 + peer::random_number() % 4);
        packet[1] = 0xfe;
        packet[2] = 0xfd;
        peer::put16(&packet[11], uint32_t(packet.size() - 13));
        return packet;
    });
    EXPECT_TRUE(control_goes_on());
}

TEST_F(Garbage, NacksForEverythingAtOnce) {
    std::vector<uint16_t> all(500);
    for (int round = 0; round < 20; round++) {
        const auto highest = uint16_t(noisy->track("1")->highest_sequence());
        for (size_t i = 0; i < all.size(); i++) all[i] = uint16_t(highest - i);
        noisy->browser->send_rtcp(peer::rtcp::nack(peer::Receiver::kOwnSsrc, noisy->track("1")->ssrc(), all));
        ASSERT_TRUE(control->receives("0", 2));
    }
    EXPECT_TRUE(control_goes_on());
    EXPECT_EQ(control->browser->receiver().retransmissions(), 0U);
}

/// More than a socket's buffer holds.
struct Flood : Isolation {
    peer::Media media() const override { return {.video_bps = 5'000'000}; }
};

TEST_F(Flood, AConsumerThatStopsReading) {
    Viewer stuck(*this, *ada, "stuck");
    ASSERT_TRUE(stuck.negotiate());
    ASSERT_TRUE(stuck.receives("1"));
    stuck.browser->freeze();
    const auto before = stuck.server->stats().bytes;
    constexpr uint64_t kMoreThanItsBuffer = 1'500'000;
    ASSERT_TRUE(
        wait_for("a full socket", [&] { return stuck.server->stats().bytes > before + kMoreThanItsBuffer; }));
    EXPECT_TRUE(control_goes_on());
}

/// A peer that has gone is noticed soon here. Browsers check their consent every 2.5 s at the latest, and
/// send a report each second.
struct Silence : Isolation {
    Silence() : Isolation(3s) {}
};

TEST_F(Silence, AConsumerThatDiesWithoutAWord) {
    CapturedLog log;
    Viewer gone(*this, *ada, "gone");
    ASSERT_TRUE(gone.negotiate());
    ASSERT_TRUE(gone.receives("1"));
    gone.browser->vanish();
    EXPECT_TRUE(wait_for("the failure", [&] { return gone.state() == ConnectionState::Failed; }));
    EXPECT_TRUE(wait_for("the end of its connection", [&] { return engine->connections() == 2; }));
    EXPECT_TRUE(wait_for("the end of its transport", [&] { return network->stats().peers == 2; }));
    EXPECT_TRUE(control_goes_on());
    const auto text = log.take();
    EXPECT_NE(text.find("warning connection failed room=room user=gone producer=ada remote=127.0.0.1:"),
              std::string::npos);
    EXPECT_NE(text.find("reason=\"nothing was heard from the peer\""), std::string::npos);
}

TEST_F(Silence, AConsumerThatDiedMayComeBack) {
    Viewer gone(*this, *ada, "gone");
    ASSERT_TRUE(gone.negotiate());
    ASSERT_TRUE(gone.negotiate(true));
    ASSERT_TRUE(gone.receives("1"));
    const auto session = gone.browser->remote()->session_id;
    gone.browser->vanish();
    ASSERT_TRUE(wait_for("the failure", [&] { return gone.state() == ConnectionState::Failed; }));
    gone.browser = std::make_unique<peer::Connection>(loop, certificate);
    ASSERT_TRUE(gone.negotiate(true));
    EXPECT_NE(gone.browser->remote()->session_id, session) << "a browser would keep its connection";
    EXPECT_EQ(gone.browser->remote()->version, 1U);
    ASSERT_TRUE(gone.receives("0"));
    ASSERT_TRUE(gone.receives("1"));
    EXPECT_TRUE(gone.is_whole());
    EXPECT_TRUE(control->is_unharmed());
}

TEST_F(Silence, NoOfferOfAConnectionThatHasFailedWaitsForAnAnswer) {
    Viewer gone(*this, *ada, "gone");
    ASSERT_TRUE(gone.negotiate());
    ASSERT_TRUE(gone.receives("1"));
    const auto offer = gone.offer();
    ASSERT_TRUE(offer);
    const auto answer = gone.browser->answer(*offer);
    ASSERT_TRUE(answer);
    gone.browser->vanish();
    ASSERT_TRUE(wait_for("the failure", [&] { return gone.state() == ConnectionState::Failed; }));
    const auto taken = await<Ok>([&](Done<Ok> done) { gone.server->answer(*answer, std::move(done)); });
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::WrongState);
}

TEST_F(Silence, AProducerThatDiesWithoutAWord) {
    Publisher gone(*this, "gone");
    ASSERT_TRUE(gone.with_both().negotiate());
    Viewer watches(*this, gone, "watches");
    ASSERT_TRUE(watches.negotiate());
    ASSERT_TRUE(watches.receives("1"));
    gone.browser->vanish();
    EXPECT_TRUE(wait_for("the failure", [&] { return gone.state() == ConnectionState::Failed; }));
    EXPECT_EQ(watches.state(), ConnectionState::Connected) << "it waits for the page to come back";

    gone.browser->restart_ice();
    const auto restart = gone.browser->create_offer();
    const auto refused =
        await<std::string>([&](Done<std::string> done) { gone.server->offer(restart, std::move(done)); });
    ASSERT_FALSE(refused) << "its DTLS has gone, and the browser keeps its own";
    EXPECT_EQ(refused.error().code, ErrorCode::WrongState);
    EXPECT_EQ(refused.error().field, "offer.sdp");
    EXPECT_TRUE(gone.server->tracks().video);

    gone.browser = std::make_unique<peer::Connection>(loop, certificate);
    ASSERT_TRUE(gone.with_both().negotiate());
    ASSERT_TRUE(watches.receives("1"));
    EXPECT_TRUE(watches.is_whole());
    EXPECT_TRUE(control_goes_on());
}

TEST_F(Isolation, AConsumerThatSaysGoodbye) {
    CapturedLog log;
    const peer::Certificate another_certificate;
    Viewer leaves(*this, *ada, "leaves");
    ASSERT_TRUE(leaves.negotiate());
    ASSERT_TRUE(leaves.receives("1"));
    leaves.browser->close();
    EXPECT_TRUE(wait_for("the end, long before that of its consent",
                         [&] { return leaves.state() == ConnectionState::Failed; }));
    EXPECT_TRUE(wait_for("the end of its connection", [&] { return engine->connections() == 2; }));
    EXPECT_TRUE(control_goes_on());
    EXPECT_NE(log.take().find("info connection failed room=room user=leaves"), std::string::npos);

    leaves.browser = std::make_unique<peer::Connection>(loop, another_certificate);
    ASSERT_TRUE(leaves.negotiate()) << "as a page does that was loaded again";
    EXPECT_TRUE(leaves.receives("1"));
    EXPECT_TRUE(leaves.is_whole());
}

TEST_F(Isolation, AProducerThatSaysGoodbye) {
    const peer::Certificate another_certificate;
    Publisher leaves(*this, "leaves");
    ASSERT_TRUE(leaves.with_both().negotiate());
    Viewer watches(*this, leaves, "watches");
    ASSERT_TRUE(watches.negotiate());
    ASSERT_TRUE(watches.receives("1"));
    leaves.browser->close();
    EXPECT_TRUE(wait_for("the end, long before that of its consent",
                         [&] { return leaves.state() == ConnectionState::Failed; }));
    EXPECT_EQ(watches.state(), ConnectionState::Connected) << "it waits for the page to come back";

    leaves.browser = std::make_unique<peer::Connection>(loop, another_certificate);
    ASSERT_TRUE(leaves.with_both().negotiate());
    ASSERT_TRUE(watches.receives("1"));
    EXPECT_TRUE(watches.is_whole());
    EXPECT_TRUE(control_goes_on());
}

TEST_F(Isolation, AConsumerWithAnotherCertificate) {
    CapturedLog log;
    Viewer false_one(*this, *ada, "eve", {.wrong_fingerprint = true});
    ASSERT_TRUE(false_one.negotiate());
    EXPECT_TRUE(wait_for("the failure", [&] { return false_one.state() == ConnectionState::Failed; }));
    EXPECT_TRUE(control_goes_on());
    EXPECT_EQ(false_one.browser->receiver().packets(), 0U);
    EXPECT_EQ(false_one.browser->receiver().unsignalled(), 0U);
    EXPECT_EQ(false_one.server->stats().packets, 0U);
    const auto text = log.take();
    EXPECT_NE(text.find("connection failed room=room user=eve producer=ada"), std::string::npos);
    EXPECT_NE(text.find("its SDP announced"), std::string::npos);
}

TEST_F(Isolation, AProducerWithAnotherCertificate) {
    CapturedLog log;
    Publisher false_one(*this, "eve", {.wrong_fingerprint = true});
    ASSERT_TRUE(false_one.with_both().negotiate());
    Viewer watches(*this, false_one, "watches");
    ASSERT_TRUE(watches.negotiate());
    ASSERT_TRUE(wait_for("the consumer", [&] { return watches.browser->connected(); }));
    EXPECT_TRUE(wait_for("the failure", [&] { return false_one.state() == ConnectionState::Failed; }));
    EXPECT_TRUE(control_goes_on());
    EXPECT_EQ(watches.browser->receiver().packets(), 0U);
    EXPECT_EQ(watches.browser->receiver().unsignalled(), 0U);
    for (const auto& track : false_one.server->stats().tracks) EXPECT_EQ(track.packets, 0U) << track.kind;
    const auto text = log.take();
    EXPECT_NE(text.find("connection failed room=room user=eve producer=eve"), std::string::npos);
    EXPECT_NE(text.find("its SDP announced"), std::string::npos);
}

/// The other way round: what the server shows is what its SDP announced, or the browser would not connect.
TEST_F(Isolation, AMadeUpDescriptionOfTheServerIsNoticedByTheBrowser) {
    Viewer deceived(*this, *ada, "deceived");
    auto offer = deceived.offer();
    ASSERT_TRUE(offer);
    std::string text = *offer;
    for (size_t at = 0; (at = text.find("a=fingerprint:sha-256 ", at)) != std::string::npos; at++)
        text[at + 22] = text[at + 22] == '0' ? '1' : '0';
    ASSERT_TRUE(deceived.answer(text));
    EXPECT_TRUE(wait_for("its refusal", [&] { return deceived.browser->state() == peer::State::Failed; }));
    EXPECT_EQ(deceived.browser->receiver().packets(), 0U);
    EXPECT_TRUE(control_goes_on());
}

}  // namespace
}  // namespace sluice::test
