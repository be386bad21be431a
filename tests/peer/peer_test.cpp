#include <gtest/gtest.h>

#include "peer/connection.h"

namespace sluice::peer {
namespace {

using namespace std::chrono_literals;

/// Two peers of one process, the offer and the answer carried by hand.
struct PeerToPeer : testing::Test {
    Loop loop;
    Certificate certificate;

    void negotiate(Connection& producer, Connection& consumer) {
        auto answer = consumer.answer(producer.create_offer());
        ASSERT_TRUE(answer) << answer.error().message;
        const Status accepted = producer.set_answer(*answer);
        ASSERT_TRUE(accepted) << accepted.error().message;
    }
    testing::AssertionResult wait_for(const char* what, const std::function<bool()>& done, Time limit = 5s) {
        if (loop.until(done, limit))
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << what << " never came";
    }
    /// So many packets of that track.
    testing::AssertionResult receives(Connection& consumer, const std::string& mid, uint64_t more) {
        const auto count = [&] {
            const ReceivedTrack* track = consumer.receiver().track(mid);
            return track ? track->packets() + track->recovered() : 0;
        };
        const uint64_t wanted = count() + more;
        return wait_for(("packets of mid " + mid).c_str(), [&] { return count() >= wanted; });
    }
};

TEST_F(PeerToPeer, MediaArrivesWholeAndInOrder) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    producer.add_track(Kind::Audio);
    producer.add_track(Kind::Video);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 60));
    ASSERT_TRUE(receives(consumer, "1", 60));
    for (const auto& track : consumer.receiver().tracks()) {
        EXPECT_EQ(track->missing(), 0U);
        EXPECT_EQ(track->duplicates(), 0U);
        EXPECT_EQ(track->damaged(), 0U);
        EXPECT_EQ(track->left_out(), 0U);
        EXPECT_EQ(track->highest_sequence() - track->first_sequence() + 1, int64_t(track->packets()));
        EXPECT_LT(track->delay(0.5), 5ms);
    }
    EXPECT_TRUE(consumer.receiver().track("1")->began_with_key_frame());
    EXPECT_TRUE(wait_for("transport-wide feedback", [&] { return producer.transport_feedback() > 0; }));
    const Sender& video = *producer.sender(Kind::Video);
    EXPECT_TRUE(
        wait_for("a receiver report", [&] { return video.last_report().ssrc == video.track().ssrc; }));
    EXPECT_EQ(video.last_report().lost, 0U);
    EXPECT_EQ(video.key_frames(), 1U);
    producer.freeze();
    loop.run_for(20ms);
    EXPECT_EQ(consumer.receiver().bytes(), producer.bytes_sent());
}

TEST_F(PeerToPeer, PictureLossBringsAKeyFrame) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    Sender& video = producer.add_track(Kind::Video);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 20));
    consumer.send_rtcp(rtcp::picture_loss(Receiver::kOwnSsrc, video.track().ssrc));
    EXPECT_TRUE(
        wait_for("a second key frame", [&] { return consumer.receiver().track("0")->key_frames() == 2; }));
    EXPECT_EQ(video.key_frame_requests().size(), 1U);
}

TEST_F(PeerToPeer, RetransmissionsFillTheGaps) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    Sender& video = producer.add_track(Kind::Video);
    video.lose_every = 10;
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 200));
    const ReceivedTrack& track = *consumer.receiver().track("0");
    EXPECT_GE(track.recovered(), 15U);
    video.lose_every = 0;
    EXPECT_TRUE(wait_for("the last missing packet", [&] { return track.missing() == 0; }));
}

TEST_F(PeerToPeer, TracksComeAndGo) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    producer.add_track(Kind::Audio);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 5));

    Sender& video = producer.add_track(Kind::Video);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "1", 5));

    producer.set_sending(video, false);
    negotiate(producer, consumer);
    EXPECT_FALSE(video.flowing());
    producer.set_sending(video, true);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "1", 5));

    producer.stop_track(video);
    negotiate(producer, consumer);
    Sender& second = producer.add_track(Kind::Video);
    negotiate(producer, consumer);
    EXPECT_EQ(second.track().mid, "2");
    ASSERT_TRUE(receives(consumer, "2", 5));
    EXPECT_EQ(producer.senders().size(), 2U);
    EXPECT_EQ(consumer.receiver().unsignalled(), 0U);
}

TEST_F(PeerToPeer, IceRestartMovesMediaWithoutLoss) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    producer.add_track(Kind::Audio);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 10));
    const uint16_t before = producer.port();
    producer.restart_ice();
    negotiate(producer, consumer);
    EXPECT_TRUE(wait_for("the new pair", [&] { return producer.port() != before; }));
    ASSERT_TRUE(receives(consumer, "0", 10));
    EXPECT_EQ(consumer.receiver().track("0")->missing(), 0U);
}

TEST_F(PeerToPeer, AWrongFingerprintFailsBothWays) {
    Certificate other;
    Connection producer(loop, certificate, {.wrong_fingerprint = true}), consumer(loop, other);
    producer.add_track(Kind::Audio);
    negotiate(producer, consumer);
    EXPECT_TRUE(wait_for("the failure", [&] { return consumer.state() == State::Failed; }));
    EXPECT_NE(consumer.failure().find("certificate"), std::string::npos) << consumer.failure();
}

TEST_F(PeerToPeer, CloseIsTold) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    producer.add_track(Kind::Audio);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 5));
    producer.close();
    EXPECT_TRUE(wait_for("close_notify", [&] { return consumer.closed_by_remote(); }));
}

TEST_F(PeerToPeer, GarbageChangesNothing) {
    Connection producer(loop, certificate), consumer(loop, certificate);
    producer.add_track(Kind::Audio);
    negotiate(producer, consumer);
    ASSERT_TRUE(receives(consumer, "0", 5));
    for (int first = 0; first < 256; first++)
        producer.send_raw(Writer().u8(unsigned(first)).text("garbage").take());
    ASSERT_TRUE(receives(consumer, "0", 10));
    EXPECT_EQ(consumer.receiver().track("0")->missing(), 0U);
}

TEST(Sdp, RefusesWhatABrowserWouldRefuse) {
    Loop loop;
    Certificate certificate;
    Connection producer(loop, certificate), consumer(loop, certificate);
    producer.add_track(Kind::Video);
    const std::string offer = producer.create_offer();
    std::string answer = consumer.answer(offer).value();
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = answer;
        for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
            text.replace(at, from.size(), to);
        return producer.set_answer(text);
    };
    EXPECT_FALSE(with("a=mid:0", "a=mid:1"));
    EXPECT_FALSE(with("a=recvonly", "a=sendonly"));
    EXPECT_FALSE(with("a=setup:active", "a=setup:actpass"));
    EXPECT_FALSE(with("VP8/90000", "VP9/90000"));
    EXPECT_FALSE(with("a=rtcp-mux", "a=x-nothing"));
    EXPECT_FALSE(with("a=extmap:3 ", "a=extmap:5 "));
    EXPECT_FALSE(with("\r\n", "\n"));
    EXPECT_TRUE(producer.set_answer(answer));
}

}  // namespace
}  // namespace sluice::peer
