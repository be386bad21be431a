#include <algorithm>
#include <array>
#include <future>
#include <gtest/gtest.h>
#include <numeric>
#include <thread>

#include "allocations.h"
#include "element_fixture.h"
#include "elements/fanout.h"
#include "elements/leg.h"
#include "fake_network.h"
#include "peer/srtp.h"

namespace sluice::test {
namespace {

using elements::leg_of;
using elements::SrtpKeys;

/// A consumer: a leg, and behind it both a webrtcbin (a pad of the test's) and a browser (a socket).
struct Consumer {
    Consumer(GstElement* fanout, int from)
        : element(gst::Ref<GstElement>::retain(fanout)),
          leg(gst::Ref<GstPad>::adopt(gst_element_request_pad_simple(fanout, "src_%u"))),
          webrtcbin(gst::Ref<GstPad>::sink(gst_pad_new("sink", GST_PAD_SINK))),
          browser(std::make_unique<LoopbackSocket>()),
          peer(std::make_shared<FakePeer>(from, browser->address())) {
        gst_pad_set_element_private(webrtcbin.get(), this);
        gst_pad_set_chain_function(webrtcbin.get(), on_shown);
        gst_pad_set_active(webrtcbin.get(), TRUE);
        EXPECT_EQ(gst_pad_link(leg.get(), webrtcbin.get()), GST_PAD_LINK_OK);
        for (size_t i = 0; i < master.size(); i++) master[i] = uint8_t(i);
        receiver = std::make_unique<peer::SrtpSession>(peer::SrtpKeys{.local = {1}, .remote = master});
    }
    ~Consumer() {
        gst_element_release_request_pad(element.get(), leg.get());
        gst_pad_set_active(webrtcbin.get(), FALSE);
    }
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

    static GstFlowReturn on_shown(GstPad* pad, GstObject*, GstBuffer* buffer) {
        auto* self = static_cast<Consumer*>(gst_pad_get_element_private(pad));
        std::array<uint8_t, 2> sequence{};
        gst_buffer_extract(buffer, 2, sequence.data(), 2);
        self->shown.push_back(sequence[0] << 8 | sequence[1]);
        self->shown_pts = GST_BUFFER_PTS(buffer);
        self->shown_count++;
        gst_buffer_unref(buffer);
        return self->flow;
    }
    void go_express() {
        leg_of(leg.get()).set_express(std::make_shared<elements::ExpressWay>(
            elements::ExpressWay{.peer = peer, .keys = SrtpKeys::derive(master)}));
    }
    void open(bool open = true) { elements::open_leg(leg.get(), open); }
    void wait_for_shown(size_t packets) const {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (shown_count < packets && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
        EXPECT_EQ(shown_count, packets);
    }
    /// Past webrtcbin, since the last call: decrypted.
    std::vector<Rtp> received(size_t awaited = 0) {
        std::vector<Rtp> all;
        for (auto& packet : browser->received(awaited))
            if (const auto inside = receiver->unprotect_rtp(packet))
                all.push_back(Rtp::read(peer::Packet(inside->begin(), inside->end())));
        return all;
    }
    std::vector<int> sequences(size_t awaited = 0) {
        std::vector<int> all;
        for (const auto& rtp : received(awaited)) all.push_back(rtp.sequence);
        return all;
    }

    gst::Ref<GstElement> element;
    gst::Ref<GstPad> leg;
    gst::Ref<GstPad> webrtcbin;
    std::unique_ptr<LoopbackSocket> browser;
    std::shared_ptr<FakePeer> peer;
    std::array<uint8_t, 30> master{};
    std::unique_ptr<peer::SrtpSession> receiver;
    std::vector<int> shown;  ///< The fan-out's thread.
    GstClockTime shown_pts = GST_CLOCK_TIME_NONE;
    std::atomic<size_t> shown_count{0};
    GstFlowReturn flow = GST_FLOW_OK;
};

struct FanoutElement : testing::Test {
    void SetUp() override {
        fanout = gst::Ref<GstElement>::sink(gst_element_factory_make("sluicefanout", nullptr));
        ASSERT_TRUE(fanout);
        elements::set_network(fanout.get(), network);
        harness = gst_harness_new_with_element(fanout.get(), "sink", nullptr);
        gst_harness_set_src_caps_str(harness, "application/x-rtp, ssrc=(uint)5");
        gst_harness_play(harness);
    }
    void TearDown() override { gst_harness_teardown(harness); }

    GstFlowReturn push(uint16_t sequence, GstBufferFlags flags = {}) {
        const auto bytes = Rtp{.sequence = sequence, .payload = peer::Packet(100, 9)}.write();
        GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_FLAG_SET(buffer, flags);
        return gst_harness_push(harness, buffer);
    }
    void push_all(int first, int end) {
        for (int sequence = first; sequence < end; sequence++) push(uint16_t(sequence));
    }
    int key_frame_requests() {
        int requests = 0;
        while (GstEvent* event = gst_harness_try_pull_upstream_event(harness)) {
            requests += gst_event_has_name(event, "GstForceKeyUnit");
            gst_event_unref(event);
        }
        return requests;
    }

    LoopbackSocket sender;
    FakeNetwork network;
    gst::Ref<GstElement> fanout;
    GstHarness* harness = nullptr;
};

using Numbers = std::vector<int>;

Numbers from_to(int first, int end) {
    Numbers numbers(size_t(end - first));
    std::iota(numbers.begin(), numbers.end(), first);
    return numbers;
}

TEST_F(FanoutElement, EachLegOpensForItselfAndBeginsAtAKeyFrame) {
    Consumer one(fanout.get(), sender.fd()), other(fanout.get(), sender.fd());
    push(1);
    one.open();
    EXPECT_EQ(key_frame_requests(), 1);
    push(2, GST_BUFFER_FLAG_DELTA_UNIT);
    push(3);
    push(4, GST_BUFFER_FLAG_DELTA_UNIT);
    other.open();
    push(5, GST_BUFFER_FLAG_DELTA_UNIT);
    push(6);
    EXPECT_EQ(one.shown, (Numbers{3, 4, 5, 6}));
    EXPECT_EQ(other.shown, Numbers{6});
    EXPECT_EQ(leg_of(one.leg.get()).dropped(), 2U);
    EXPECT_EQ(leg_of(other.leg.get()).dropped(), 5U);
}

TEST_F(FanoutElement, WhateverIsBehindALegTheOthersGoOn) {
    Consumer bad(fanout.get(), sender.fd()), good(fanout.get(), sender.fd());
    bad.open();
    good.open();
    int sequence = 0;
    for (const auto flow : {GST_FLOW_FLUSHING, GST_FLOW_ERROR, GST_FLOW_EOS, GST_FLOW_NOT_LINKED}) {
        bad.flow = flow;
        EXPECT_EQ(push(uint16_t(sequence++)), GST_FLOW_OK);
        EXPECT_EQ(leg_of(bad.leg.get()).last_flow(), flow);
    }
    EXPECT_EQ(good.shown, (Numbers{0, 1, 2, 3}));
}

TEST_F(FanoutElement, ExpressPacketsReachTheBrowserAndAFewAreShownToWebrtcbin) {
    Consumer consumer(fanout.get(), sender.fd());
    consumer.go_express();
    consumer.open();
    for (const uint16_t each : {1, 30'000, 60'000}) push(each);
    push_all(65530, 65530 + 27);  // over the wrap
    EXPECT_EQ(consumer.shown, (Numbers{1, 30'000, 60'000})) << "once each, and by webrtcbin's own way";
    Numbers wanted;
    for (int i = 65530; i < 65530 + 27; i++) wanted.push_back(uint16_t(i));
    EXPECT_EQ(consumer.sequences(wanted.size()), wanted);
    EXPECT_EQ(consumer.receiver->not_authentic(), 0U);
    const auto& leg = leg_of(consumer.leg.get());
    EXPECT_EQ(leg.packets(), 30U);
    EXPECT_EQ(leg.octets(), 3000U) << "sender reports count payload";
    EXPECT_EQ(consumer.peer->packets, 27U);
    EXPECT_EQ(consumer.peer->bytes, 27U * 112);
    EXPECT_EQ(network.sent, 27U);
}

TEST_F(FanoutElement, WebrtcbinIsShownALeapSoAsToCountTheSameWraps) {
    Consumer consumer(fanout.get(), sender.fd());
    consumer.go_express();
    consumer.open();
    for (const uint16_t each : {0, 1, 2, 3, 30'000, 29'999, 30'001, 60'000, 60'001}) push(each);
    EXPECT_EQ(consumer.shown, (Numbers{0, 1, 2, 30'000, 60'000}));
    for (const uint16_t each : {10'464, 30'464}) push(each);
    EXPECT_EQ(consumer.shown.back(), 30'464) << "two that are one of more than 2^15";
}

TEST_F(FanoutElement, MediaFollowsThePeerToAnotherAddress) {
    Consumer consumer(fanout.get(), sender.fd());
    consumer.go_express();
    consumer.open();
    push_all(0, 5);
    EXPECT_EQ(consumer.sequences(2), (Numbers{3, 4}));
    LoopbackSocket elsewhere;
    consumer.peer->move(elsewhere.address());
    push(5);
    EXPECT_EQ(elsewhere.received(1).size(), 1U);
    EXPECT_TRUE(consumer.browser->received().empty());
}

TEST_F(FanoutElement, APeerThatIsNotOnUdpIsSentToAllTheSame) {
    Consumer consumer(fanout.get(), sender.fd());
    consumer.peer->udp = false;
    consumer.go_express();
    consumer.open();
    push_all(0, 6);
    EXPECT_EQ(consumer.sequences(3), (Numbers{3, 4, 5}));
    EXPECT_EQ(consumer.peer->sends, 3U);
}

constexpr GstClockTime kTime = 7 * GST_SECOND;

std::shared_ptr<elements::PacketHistory> history_of(const std::vector<Rtp>& packets) {
    auto history = std::make_shared<elements::PacketHistory>();
    for (const auto& packet : packets) {
        const auto bytes = packet.write();
        const auto buffer = gst::Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
        GST_BUFFER_PTS(buffer.get()) = kTime;
        history->put(packet.sequence, buffer.get());
    }
    return history;
}

TEST_F(FanoutElement, APacketIsSentAgainByAStreamOfItsOwn) {
    const auto original =
        Rtp{.sequence = 77, .timestamp = 5, .payload = {1, 2, 3}, .extension = {0x10, 0xaa, 0, 0}};
    const auto history = history_of({original});
    Consumer consumer(fanout.get(), sender.fd());
    auto& leg = leg_of(consumer.leg.get());
    leg.set_retransmission(history, 120, 4711);
    consumer.go_express();
    leg.retransmit(77);
    EXPECT_TRUE(consumer.received().empty()) << "it is closed";
    consumer.open();
    leg.retransmit(77);
    EXPECT_TRUE(consumer.received().empty()) << "it has not been sent yet";
    push(77);
    leg.retransmit(76);
    leg.retransmit(77);
    leg.retransmit(77);
    const auto repeated = consumer.received(2);
    ASSERT_EQ(repeated.size(), 2U);
    EXPECT_EQ(repeated[0].payload, (peer::Packet{0, 77, 1, 2, 3})) << "RFC 4588: the original's number first";
    EXPECT_EQ(repeated[0].ssrc, 4711U);
    EXPECT_EQ(repeated[0].payload_type, 120);
    EXPECT_EQ(repeated[0].timestamp, 5U);
    EXPECT_EQ(repeated[0].extension, original.extension);
    EXPECT_EQ(uint16_t(repeated[0].sequence + 1), repeated[1].sequence);
    EXPECT_EQ(leg.retransmitted(), 2U);
}

TEST_F(FanoutElement, WithoutRtxAPacketIsSentAgainAsItWas) {
    Consumer consumer(fanout.get(), sender.fd());
    auto& leg = leg_of(consumer.leg.get());
    const auto of_push = [](uint16_t sequence) {
        return Rtp{.sequence = sequence, .payload = peer::Packet(100, 9)};
    };
    leg.set_retransmission(history_of({of_push(65535), of_push(0), of_push(1)}), 120, 4711);
    leg.set_rtx(false);
    consumer.go_express();
    consumer.open();
    for (const int sequence : {0, 20'000, 40'000, 60'000, 65534, 65535, 0, 1})
        push(static_cast<uint16_t>(sequence));
    EXPECT_EQ(consumer.shown, (Numbers{0, 20'000, 40'000, 60'000}));
    const auto sent = consumer.browser->received(4);
    ASSERT_EQ(sent.size(), 4U);
    for (const int sequence : {1, 65535, 0}) leg.retransmit(static_cast<uint16_t>(sequence));
    EXPECT_EQ(consumer.browser->received(3), (std::vector<peer::Packet>{sent[3], sent[1], sent[2]}))
        << "to the byte, on either side of a wrap";
    EXPECT_EQ(leg.retransmitted(), 3U);

    leg.set_rtx(true);
    leg.retransmit(1);
    const auto by_rtx = consumer.received(1);
    ASSERT_EQ(by_rtx.size(), 1U);
    EXPECT_EQ(by_rtx[0].ssrc, 4711U) << "another answer has taken it";

    leg.set_rtx(false);
    leg.set_express(nullptr);
    leg.retransmit(1);
    EXPECT_EQ(consumer.shown.back(), 1) << "through webrtcbin too";
    EXPECT_EQ(consumer.shown_pts, kTime) << "by which rtpsession relates RTP time to its reports'";
}

/// A request of 4 bytes brings up to 17 packets, by the socket of all consumers.
TEST_F(FanoutElement, WhatIsAskedForOverAndOverIsRefused) {
    Consumer consumer(fanout.get(), sender.fd());
    auto& leg = leg_of(consumer.leg.get());
    leg.set_retransmission(history_of({{.sequence = 77, .payload = {1, 2, 3}}}), 120, 4711);
    consumer.go_express();
    consumer.open();
    push(77);
    constexpr uint64_t kAsked = 10 * elements::PacketHistory::kPackets;
    for (uint64_t i = 0; i < kAsked; i++) leg.retransmit(77);
    EXPECT_GE(leg.retransmitted(), elements::PacketHistory::kPackets)
        << "a browser may have lost all of them";
    EXPECT_GT(leg.refused(), 0U);
    EXPECT_EQ(leg.retransmitted() + leg.refused(), kAsked);
}

TEST_F(FanoutElement, ALegThatWasClosedGoesOnWhereItStopped) {
    Consumer pauses(fanout.get(), sender.fd()), stays(fanout.get(), sender.fd());
    pauses.go_express();
    pauses.open();
    stays.open();
    push_all(0, 10);
    pauses.open(false);
    constexpr int kAgain = 40'010;               // more than 2^15 packets later, which looks older
    for (int at = 10; at < kAgain; at += 500) {  // a thread takes over, and holds twice as many
        push_all(at, at + 500);
        stays.wait_for_shown(size_t(at) + 500);
    }
    pauses.open();
    push(kAgain, GST_BUFFER_FLAG_DELTA_UNIT);
    push_all(kAgain + 1, kAgain + 6);
    push(kAgain - 1);  // of the pause, and late
    push_all(kAgain + 6, kAgain + 11);
    stays.wait_for_shown(kAgain + 12);
    auto numbers = pauses.shown;  // one way or the other
    while (numbers.size() < 20 && pauses.browser->wait(10'000))
        for (const int sequence : pauses.sequences()) numbers.push_back(sequence);
    std::ranges::sort(numbers);
    EXPECT_EQ(numbers, from_to(0, 20));
    EXPECT_EQ(pauses.receiver->not_authentic(), 0U);
    auto all = from_to(0, kAgain + 11);
    all.insert(all.end() - 5, kAgain - 1);
    EXPECT_EQ(stays.shown, all) << "the packets are shared";
}

TEST_F(FanoutElement, ALegThatWasClosedGoesOnThroughWebrtcbinToo) {
    Consumer consumer(fanout.get(), sender.fd());
    consumer.open();
    push_all(65530, 65534);
    consumer.open(false);
    push_all(65534, 65534 + 3);
    consumer.open();
    push_all(65534 + 3, 65534 + 6);
    EXPECT_EQ(consumer.shown, (Numbers{32762, 32763, 32764, 32765, 32766, 32767, 32768}))
        << "a receiver that misses the first counts wraps as we do";
}

TEST_F(FanoutElement, ALegThatWasClosedSendsAgainByTheConsumersNumbers) {
    const auto history = history_of({{.sequence = 9, .payload = {9}},
                                     {.sequence = 14, .payload = {14}},
                                     {.sequence = 15, .payload = {15}},
                                     {.sequence = 16, .payload = {16}}});
    Consumer consumer(fanout.get(), sender.fd());
    auto& leg = leg_of(consumer.leg.get());
    leg.set_retransmission(history, 120, 4711);
    consumer.open();
    push_all(0, 10);
    consumer.open(false);
    push_all(10, 15);
    consumer.open();
    push_all(15, 20);
    consumer.go_express();
    leg.retransmit(9);
    leg.retransmit(10);
    leg.retransmit(11);
    const auto repeated = consumer.received(2);
    ASSERT_EQ(repeated.size(), 2U) << "what went out before the pause has had its time";
    EXPECT_EQ(repeated[0].payload, (peer::Packet{0, 10, 15}));
    EXPECT_EQ(repeated[1].payload, (peer::Packet{0, 11, 16}));
    for (int sequence = 20; sequence < 20 + int(elements::PacketHistory::kPackets); sequence++)
        push(uint16_t(sequence));
    history->put(20 + elements::PacketHistory::kPackets,
                 gst::Ref<GstBuffer>::adopt(gst_buffer_new_memdup("", 1)).get());
    consumer.received();
    leg.retransmit(9);
    EXPECT_TRUE(consumer.received().empty()) << "number 9 was another packet, and too long ago";
}

TEST_F(FanoutElement, ALegThatComesLateIsToldOfTheStream) {
    push(1);
    Consumer consumer(fanout.get(), sender.fd());
    consumer.open();
    push(2);
    const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_current_caps(consumer.webrtcbin.get()));
    ASSERT_TRUE(caps);
    guint ssrc = 0;
    gst_structure_get_uint(gst_caps_get_structure(caps.get(), 0), "ssrc", &ssrc);
    EXPECT_EQ(ssrc, 5U) << "without it rtpfunnel loses requests for key frames";
}

TEST_F(FanoutElement, OnlyRequestsForKeyFramesGoBack) {
    Consumer consumer(fanout.get(), sender.fd());
    for (const char* name : {"RTPTWCCPackets", "GstForceKeyUnit", "GstRTPCollision"})
        gst_pad_push_event(consumer.webrtcbin.get(),
                           gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty(name)));
    gst_pad_push_event(consumer.webrtcbin.get(), gst_event_new_latency(GST_SECOND));
    Numbers custom;
    EXPECT_EQ(key_frame_requests(), 1);
    EXPECT_EQ(gst_harness_upstream_events_in_queue(harness), 0U);
}

TEST_F(FanoutElement, AThreadOfItsOwnLosesNothingAndKeepsTheOrder) {
    Consumer consumer(fanout.get(), sender.fd());
    consumer.go_express();
    consumer.open();
    push_all(0, 10);
    g_object_set(fanout.get(), "threaded", TRUE, nullptr);
    push_all(10, 150);
    Numbers sequences;
    while (sequences.size() < 147 && consumer.browser->wait(10'000))
        for (const int sequence : consumer.sequences()) sequences.push_back(sequence);
    Numbers wanted;
    for (int i = 3; i < 150; i++) wanted.push_back(i);
    EXPECT_EQ(sequences, wanted);
}

TEST_F(FanoutElement, WhatIsTooMuchForTheStreamingThreadIsLeftToAnother) {
    std::vector<std::unique_ptr<Consumer>> consumers;
    for (int i = 0; i < 60; i++) consumers.push_back(std::make_unique<Consumer>(fanout.get(), sender.fd()));
    const auto threaded = [&] {
        gboolean value = FALSE;
        g_object_get(fanout.get(), "threaded", &value, nullptr);
        return bool(value);
    };
    push_all(0, 400);
    EXPECT_FALSE(threaded()) << "24,000 packets to legs";
    for (int i = 1; i < 100 && !threaded(); i++) push_all(400 * i, 400 * (i + 1));
    EXPECT_TRUE(threaded());
}

TEST_F(FanoutElement, LegsComeAndGoWhileItFlows) {
    Consumer stays(fanout.get(), sender.fd());
    stays.go_express();
    stays.open();
    g_object_set(fanout.get(), "threaded", TRUE, nullptr);
    constexpr size_t kPackets = 2000, kAhead = 100;  // a socket holds some hundred
    std::atomic<size_t> received{0};
    const auto flow = std::async(std::launch::async, [&] {
        for (size_t sequence = 0; sequence < kPackets; sequence++) {
            while (sequence > received + kAhead) std::this_thread::yield();
            push(uint16_t(sequence));
        }
    });
    // One more is shown every two seconds, for as long as it takes.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (received + stays.shown_count < kPackets) {
        Consumer passes(fanout.get(), sender.fd());
        passes.go_express();
        passes.open();
        ASSERT_LT(std::chrono::steady_clock::now(), limit) << "only " << received << " came";
        stays.browser->wait(100);
        received += stays.received().size();
    }
    EXPECT_EQ(received + stays.shown_count, kPackets);
    guint legs = 0;
    g_object_get(fanout.get(), "legs", &legs, nullptr);
    EXPECT_EQ(legs, 1U);
}

TEST_F(FanoutElement, InTheSteadyStateALegAllocatesNothing) {
    if (!counts_allocations())
        return;  // a sanitizer has malloc; the plain build measures
    std::vector<std::unique_ptr<Consumer>> consumers;
    const auto allocations = [&] {
        push_all(0, 10);  // the first are shown to webrtcbin
        auto least = UINT64_MAX;
        for (int i = 0; i < 3; i++) {  // and now and then another, which is no steady state
            const auto before = allocations_of_this_thread();
            push_all(10, 110);
            least = std::min(least, allocations_of_this_thread() - before);
        }
        return least;
    };
    const auto add = [&](int count) {
        for (int i = 0; i < count; i++) {
            consumers.push_back(std::make_unique<Consumer>(fanout.get(), sender.fd()));
            consumers.back()->go_express();
            consumers.back()->open();
        }
    };
    add(1);
    const auto for_one = allocations();
    add(40);
    EXPECT_EQ(allocations(), for_one);
}

}  // namespace
}  // namespace sluice::test
