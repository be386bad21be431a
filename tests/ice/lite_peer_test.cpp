#include <atomic>
#include <thread>

#include "ice/network_fixture.h"

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;
using test::IceClient;
using test::OnePeer;
using test::Packet;
using test::StunText;
using test::Subject;

using LitePeerTest = OnePeer;

TEST_F(LitePeerTest, AnswersACheckWithWhereItCameFrom) {
    IceClient client(address);
    const auto id = test::random_transaction();
    client.send(IceClient::whole_check(peer.local(), id));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    const auto message = stun::parse(*answer);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, stun::Type::Success);
    EXPECT_EQ(message->transaction, id);
    EXPECT_TRUE(message->verify(peer.local().pwd));
    const auto mapped = test::value_of(*answer, test::XorMappedAddress);
    ASSERT_EQ(mapped.size(), 8U);
    EXPECT_EQ(peer::get16(&mapped[2]) ^ 0x2112, client.local().port());
    EXPECT_EQ(peer::get32(&mapped[4]) ^ 0x2112A442, 0x7F000001U);
    EXPECT_EQ(peer.remote_address(), client.local().text());
}

/// What comes before a good check and is answered at all would be answered first.
TEST_F(LitePeerTest, IsSilentToWhatItCannotAuthenticate) {
    IceClient client(address);
    const auto id = test::random_transaction();
    const auto local = peer.local();
    client.send(IceClient::whole_check({"nobody", local.pwd}, id));
    client.send(IceClient::whole_check({"", local.pwd}, id));
    client.send(IceClient::whole_check({local.ufrag, "a wrong password of that size"}, id));
    client.send(IceClient::check(local, id).fingerprint().take());
    client.send(IceClient::check(local, id).integrity(local.pwd).take());
    client.send(IceClient::check({local.ufrag, ""}, id).integrity("").fingerprint().take());
    client.send(StunText(test::Request, id).fingerprint().take());
    client.send(StunText(test::Indication, id).fingerprint().take());
    client.send(StunText(test::Success, id).integrity(local.pwd).fingerprint().take());
    client.send(StunText(test::Error, id).integrity(local.pwd).fingerprint().take());
    client.send(StunText(0x0003, id).integrity(local.pwd).fingerprint().take());  // TURN's Allocate
    StunText stranger(test::Request, id);
    stranger.attribute(test::Username, local.ufrag + ":somebody");
    client.send(stranger.integrity(local.pwd).fingerprint().take());
    EXPECT_EQ(peer.state(), PeerState::New);
    EXPECT_TRUE(client.check_succeeds(local));
}

TEST_F(LitePeerTest, TellsTheOtherThatItIsControlled) {
    IceClient client(address);
    const auto id = test::random_transaction();
    const auto local = peer.local();
    client.send(
        IceClient::check(local, id, true, test::IceControlled).integrity(local.pwd).fingerprint().take());
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(test::type_of(*answer), test::Error);
    EXPECT_EQ(test::transaction_of(*answer), id);
    const auto code = test::value_of(*answer, test::ErrorCode);
    ASSERT_GT(code.size(), 4U);
    EXPECT_EQ(code[2] * 100 + code[3], 487);
    EXPECT_TRUE(stun::parse(*answer) && stun::parse(*answer)->verify(local.pwd));
    EXPECT_EQ(peer.state(), PeerState::New);
}

TEST_F(LitePeerTest, RefusesWhatItMustUnderstandAndDoesNot) {
    IceClient client(address);
    const auto local = peer.local();
    client.send(IceClient::check(local, test::random_transaction())
                    .attribute(0x7fff, Packet(4))
                    .integrity(local.pwd)
                    .fingerprint()
                    .take());
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    const auto code = test::value_of(*answer, test::ErrorCode);
    ASSERT_GT(code.size(), 4U);
    EXPECT_EQ(code[2] * 100 + code[3], 420);
    EXPECT_EQ(test::value_of(*answer, test::UnknownAttributes), test::from_hex("7fff"));
    EXPECT_TRUE(stun::parse(*answer) && stun::parse(*answer)->verify(local.pwd));
    EXPECT_EQ(peer.state(), PeerState::New);
}

TEST_F(LitePeerTest, ConnectsOnceThereAreAPathAndThePeersCredentials) {
    const auto uninvited = Subject::make(*network, false);
    IceClient client(address);
    EXPECT_TRUE(client.check_succeeds(uninvited->peer->local()));  // the answer may be on its way yet
    EXPECT_EQ(uninvited->peer->state(), PeerState::New);
    uninvited->peer->set_remote(IceClient::credentials());
    EXPECT_EQ(uninvited->states.take(), PeerState::Connected);
}

TEST_F(LitePeerTest, GivesMediaBothWaysAndCountsIt) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    EXPECT_TRUE(subject->hears(client));
    EXPECT_TRUE(subject->reaches(client));
    EXPECT_EQ(peer.received().packets, 1U);
    EXPECT_EQ(peer.received().bytes, 90U);  // without the tag
    EXPECT_EQ(peer.sent().packets, 1U);
    EXPECT_EQ(peer.sent().bytes, 90U);
    client.send(peer::Writer().u8(0x80).u8(200).u16(6).bytes(Packet(38)).take());  // RTCP
    client.send(peer::Writer().u8(22).bytes(Packet(50)).take());                   // DTLS
    EXPECT_TRUE(subject->received.take() && subject->received.take());
    EXPECT_EQ(peer.received().packets, 1U);
}

TEST_F(LitePeerTest, HearsNobodyWhoHasNotProvenHimself) {
    IceClient stranger(address), client(address);
    stranger.send(Subject::rtp(1));
    stranger.send(peer::Writer().u8(22).bytes(Packet(50)).take());
    ASSERT_TRUE(connect(client));
    stranger.send(Subject::rtp(2));
    EXPECT_TRUE(subject->hears(client));  // his come first, or not at all
    EXPECT_EQ(network->stats().datagrams_unknown, 3U);
}

TEST_F(LitePeerTest, FollowsANominationOnceItsEndHasAnswered) {
    IceClient first(address), second(address);
    ASSERT_TRUE(connect(first));
    EXPECT_TRUE(second.check_succeeds(peer.local(), false));
    EXPECT_TRUE(subject->reaches(first));  // not nominated
    EXPECT_TRUE(subject->hears(second));   // but proven
    EXPECT_TRUE(second.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(first));  // not answered
    EXPECT_TRUE(second.answers_a_check(peer.local()));
    EXPECT_TRUE(second.check_succeeds(peer.local()));  // read after the answer
    EXPECT_TRUE(subject->reaches(second));
    EXPECT_EQ(peer.remote_address(), second.local().text());
}

/// Firefox nominates every pair, and lives on the best of them: of two addresses of ours on the first.
TEST_F(LitePeerTest, OfTwoAddressesThatAreNominatedTheFirstIsTaken) {
    const auto both = open(on({"127.0.0.1", "127.0.0.2"}));
    const auto port = server(*both).port();
    for (const bool in_order : {true, false}) {
        const auto one = Subject::make(*both);
        const auto local = one->peer->local();
        one->peer->set_remote(IceClient::credentials());
        IceClient first(*Endpoint::from("127.0.0.1", port)), second(*Endpoint::from("127.0.0.2", port));
        auto& earlier = in_order ? first : second;
        auto& later = in_order ? second : first;
        ASSERT_TRUE(earlier.check_succeeds(local));
        later.send(IceClient::whole_check(local, test::random_transaction()));
        const auto come = later.receive();
        ASSERT_TRUE(come);
        EXPECT_EQ(stun::parse(*come)->type == stun::Type::Success, in_order)
            << "the server asks who is to be media's end";
    }
}

TEST_F(LitePeerTest, ComesBackToAPathOnlyByAnotherAnswer) {
    IceClient first(address), second(address);
    ASSERT_TRUE(connect(first));
    ASSERT_TRUE(second.check_succeeds(peer.local()) && second.answers_a_check(peer.local()) &&
                second.check_succeeds(peer.local()));
    ASSERT_TRUE(subject->reaches(second));
    EXPECT_TRUE(first.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(second));
    EXPECT_TRUE(first.answers_a_check(peer.local()) && first.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(first));
}

TEST_F(LitePeerTest, SendsNoMediaToWhoReplaysACheck) {
    IceClient client(address), thief(address);
    const auto check = IceClient::whole_check(peer.local(), test::random_transaction());
    client.send(check);
    ASSERT_EQ(subject->states.take(), PeerState::Connected);
    ASSERT_TRUE(client.receive());
    thief.send(check);
    bool asked = false;
    for (int i = 0; i < 2; i++) {
        const auto got = thief.receive();
        ASSERT_TRUE(got);
        if (test::type_of(*got) == test::Request) {
            asked = true;  // he does not know the client's password
            thief.send(StunText(test::Success, test::transaction_of(*got))
                           .integrity(peer.local().pwd)
                           .fingerprint()
                           .take());
        }
    }
    EXPECT_TRUE(asked);
    for (int i = 0; i < 3; i++) EXPECT_TRUE(subject->reaches(client));
    EXPECT_EQ(peer.remote_address(), client.local().text());
}

TEST_F(LitePeerTest, AnsweredByAnotherThanItAskedIsNoAnswer) {
    IceClient client(address), second(address), third(address);
    ASSERT_TRUE(connect(client));
    ASSERT_TRUE(third.check_succeeds(peer.local(), false));
    ASSERT_TRUE(second.check_succeeds(peer.local()));
    std::optional<Packet> asked;
    while ((asked = second.receive()) && test::type_of(*asked) != test::Request) {
    }
    ASSERT_TRUE(asked);
    third.send(IceClient::answer_to(*asked));
    ASSERT_TRUE(third.check_succeeds(peer.local(), false));
    EXPECT_TRUE(subject->reaches(client));
}

TEST_F(LitePeerTest, RestartsWithoutAGap) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    const auto before = peer.local();
    const auto after = peer.restart();
    EXPECT_NE(before.ufrag, after.ufrag);
    EXPECT_NE(before.pwd, after.pwd);
    EXPECT_TRUE(client.check_succeeds(before));
    EXPECT_TRUE(subject->reaches(client) && subject->hears(client));
    IceClient restarted(address);
    peer.set_remote(IceClient::credentials());
    EXPECT_TRUE(restarted.check_succeeds(after));
    EXPECT_TRUE(subject->reaches(client));
    EXPECT_TRUE(restarted.answers_a_check(after) && restarted.check_succeeds(after));
    EXPECT_TRUE(subject->reaches(restarted) && subject->hears(restarted));
    restarted.send(IceClient::whole_check(before, test::random_transaction()));  // no longer valid
    EXPECT_TRUE(restarted.check_succeeds(after));
    EXPECT_TRUE(subject->states.empty());
}

/// Offers that restart may all be lost, or any of them come late.
TEST_F(LitePeerTest, AllItsCredentialsAreGoodUntilTheNewestAreUsed) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    const auto first = peer.local(), second = peer.restart(), third = peer.restart();
    EXPECT_TRUE(client.check_succeeds(second));
    EXPECT_TRUE(client.check_succeeds(first));
    EXPECT_TRUE(client.check_succeeds(third));
    client.send(IceClient::whole_check(first, test::random_transaction()));
    client.send(IceClient::whole_check(second, test::random_transaction()));
    EXPECT_TRUE(client.check_succeeds(third));
    EXPECT_EQ(network->stats().stun_rejected, 2U);
}

TEST_F(LitePeerTest, RestartsThatNobodyAnswersLeaveTheCredentialsInUse) {
    IceClient client(address), second(address);
    ASSERT_TRUE(connect(client));
    const auto in_use = peer.local();
    for (int i = 0; i < 100; i++) peer.restart();
    EXPECT_TRUE(client.check_succeeds(in_use));
    EXPECT_EQ(network->stats().peers, 1U);
    // Nor do they keep it from another path.
    EXPECT_TRUE(second.check_succeeds(in_use) && second.answers_a_check(in_use) &&
                second.check_succeeds(in_use));
    EXPECT_TRUE(subject->reaches(second));
}

/// Which of two restarts has been answered is what the peer's checks say.
TEST_F(LitePeerTest, MovesByTheRestartThatIsAnsweredWhateverCameAfterIt) {
    IceClient client(address), moved(address);
    ASSERT_TRUE(connect(client));
    const auto first = peer.restart();
    peer.restart();
    peer.set_remote(IceClient::credentials());
    EXPECT_TRUE(moved.check_succeeds(first) && moved.answers_a_check(first) && moved.check_succeeds(first));
    EXPECT_TRUE(subject->reaches(moved));
}

/// A nomination by a browser with that ufrag.
Packet nomination(const Credentials& server, const std::string& ufrag, const test::TransactionId& id) {
    StunText text(test::Request, id);
    text.attribute(test::Username, server.ufrag + ":" + ufrag)
        .attribute(test::IceControlling, Packet(8))
        .attribute(test::UseCandidate)
        .attribute(test::Priority, peer::Writer().u32(IceClient::kPriority).take());
    return text.integrity(server.pwd).fingerprint().take();
}

TEST_F(LitePeerTest, ChecksByTheRestartThatThePeerHasTakenBeforeItsAnswerCame) {
    IceClient client(address), moved(address);
    ASSERT_TRUE(connect(client));
    const auto first = peer.restart();
    peer.restart();
    moved.send(nomination(first, "again", test::random_transaction()));
    const auto answer = moved.receive_but_checks();
    ASSERT_TRUE(answer && test::type_of(*answer) == test::Success);
    peer.set_remote({"again", "the-password-of-the-client"});
    std::string user;
    while (!user.starts_with("again:")) {
        const auto asked = moved.receive();
        ASSERT_TRUE(asked);
        const auto name = test::value_of(*asked, test::Username);
        user.assign(name.begin(), name.end());
    }
    EXPECT_EQ(user, "again:" + first.ufrag);
}

/// A page that answers the last of several offers alone is known by its answer all the same.
TEST_F(LitePeerTest, HearsNobodyElseByTheNewestOnceThatIsAnsweredAndUsed) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    peer.restart();
    const auto newest = peer.restart();
    peer.set_remote({"again", "the-password-of-the-client"});
    for (const char* ufrag : {"again", "another", "again"}) {
        const auto id = test::random_transaction();
        client.send(nomination(newest, ufrag, id));
        if (std::string_view(ufrag) == "another")
            continue;
        const auto answer = client.receive_but_checks();
        ASSERT_TRUE(answer);
        EXPECT_EQ(test::transaction_of(*answer), id);
    }
    EXPECT_EQ(network->stats().stun_rejected, 1U);
}

/// Its checks of a path that is not there end, and begin anew with the peer's.
TEST_F(LitePeerTest, AsksAgainOnAPathThatIsBack) {
    IceClient client(address), other(address);
    ASSERT_TRUE(connect(client));
    constexpr int kChecks = 50;
    for (int i = 0; i < kChecks; i++)
        other.send(IceClient::whole_check(peer.local(), test::random_transaction()));
    for (int answers = 0; answers < kChecks;) {
        const auto got = other.receive();
        ASSERT_TRUE(got);
        answers += test::type_of(*got) == test::Success;
    }
    EXPECT_TRUE(other.check_succeeds(peer.local()) && other.answers_a_check(peer.local()) &&
                other.check_succeeds(peer.local()));
    EXPECT_TRUE(subject->reaches(other));
}

TEST_F(LitePeerTest, SaysNothingMoreOnceClosed) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    const auto local = peer.local();
    peer.close();
    client.send(IceClient::whole_check(local, test::random_transaction()));
    client.send(Subject::rtp(7));
    peer.send(Subject::rtp(8));
    const auto other = Subject::make(*network);
    EXPECT_TRUE(client.check_succeeds(other->peer->local()));
    EXPECT_TRUE(other->hears(client));
    EXPECT_TRUE(subject->received.empty());
    EXPECT_EQ(network->stats().peers, 1U);
}

TEST_F(LitePeerTest, ClosesOnceNobodyIsInItsReceiver) {
    struct Slow final : Receiver {
        explicit Slow(LiteNetwork& n) : network(n) {}
        void on_datagram(std::span<const uint8_t>) override {
            entered.put(true);
            // Long enough for a close() that does not wait: the last that it does is to be forgotten.
            const auto end = Clock::now() + 100ms;
            while (Clock::now() < end && network.stats().peers > 0) std::this_thread::yield();
            left = true;
        }
        void on_state(PeerState) override {}
        LiteNetwork& network;
        test::Mailbox<bool> entered;
        std::atomic<bool> left{false};
    };
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    const auto slow = std::make_shared<Slow>(*network);
    peer.set_receiver(slow);
    client.send(Subject::rtp(1));
    ASSERT_TRUE(slow->entered.take());
    peer.close();
    EXPECT_TRUE(slow->left);
    EXPECT_EQ(slow.use_count(), 1);
}

TEST_F(LitePeerTest, KeepsItsPathUntilWhoIsThereHasProvenToBeAnothers) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    const auto other = Subject::make(*network);
    EXPECT_TRUE(client.check_succeeds(other->peer->local()));
    EXPECT_TRUE(subject->hears(client));
    EXPECT_TRUE(client.answers_a_check(other->peer->local()));
    EXPECT_TRUE(client.check_succeeds(other->peer->local()));
    EXPECT_TRUE(other->hears(client));
    EXPECT_TRUE(peer.remote_address().empty());
}

TEST_F(LitePeerTest, IsNotHandedAPathThatItNoLongerKnows) {
    IceClient home(address), others_home(address), shared(address);
    const auto other = Subject::make(*network);
    ASSERT_TRUE(connect(home) && others_home.check_succeeds(other->peer->local()));
    ASSERT_TRUE(shared.check_succeeds(peer.local(), false) &&
                shared.check_succeeds(other->peer->local(), false));
    constexpr int kMany = 20;
    for (const auto& local : {other->peer->local(), peer.local()})
        for (int i = 0; i < kMany; i++) ASSERT_TRUE(IceClient(address).check_succeeds(local, false)) << i;
    shared.send(Subject::rtp(1));
    EXPECT_TRUE(other->hears(others_home));
    EXPECT_EQ(network->stats().datagrams_unknown, 1U);
}

TEST_F(LitePeerTest, AnswersOneSourceOnlySoOften) {
    IceClient client(address), other(address);
    const auto local = peer.local();
    constexpr int kChecks = 300;  // What Debian's sockets hold.
    for (int i = 0; i < kChecks; i++) client.send(IceClient::whole_check(local, test::random_transaction()));
    EXPECT_TRUE(other.check_succeeds(local));  // read after all of them
    int answers = 0;
    while (client.receive(0ms)) answers++;
    EXPECT_GE(answers, 20);
    EXPECT_LE(answers, 200);
}

TEST_F(LitePeerTest, ManyPathsNeverPushOutTheOneInUse) {
    IceClient client(address);
    ASSERT_TRUE(connect(client));
    for (int i = 0; i < 30; i++) EXPECT_TRUE(IceClient(address).check_succeeds(peer.local(), false)) << i;
    EXPECT_TRUE(subject->hears(client) && subject->reaches(client));
}

struct Consent : test::NetworkFixture {
    std::unique_ptr<LiteNetwork> network = open([] {
        auto options = on({"127.0.0.1"});
        options.consent_timeout = 3s;
        return options;
    }());
    std::shared_ptr<Subject> subject = Subject::make(*network);
    IceClient client{server(*network)};

    void SetUp() override {
        ASSERT_TRUE(client.check_succeeds(subject->peer->local()));
        ASSERT_EQ(subject->states.take(), PeerState::Connected);
    }
};

/// Media does not count: anybody can send that.
TEST_F(Consent, EndsWithTheChecks) {
    std::optional<PeerState> state;
    while (!(state = subject->states.take(10ms))) client.send(Subject::rtp(1));
    EXPECT_EQ(state, PeerState::Failed);
    EXPECT_EQ(subject->peer->state(), PeerState::Failed);
}

/// As Firefox checks on from behind a NAT that has given it another address: its pair is the same, and is not
/// nominated again.
TEST_F(Consent, OfANewAddressTakesMediaThereWhenTheOldOneIsSilent) {
    const auto local = subject->peer->local();
    IceClient moved(server(*network));
    std::optional<Packet> asked;
    while (!asked) {
        ASSERT_EQ(subject->peer->state(), PeerState::Connected);
        moved.send(IceClient::whole_check(local, test::random_transaction(), false));
        while (const auto got = moved.receive(100ms))
            if (test::type_of(*got) == test::Request)
                asked = got;
    }
    moved.send(IceClient::answer_to(*asked));
    EXPECT_TRUE(moved.check_succeeds(local, false));
    EXPECT_TRUE(subject->reaches(moved));
    EXPECT_TRUE(subject->states.empty());
}

TEST_F(Consent, IsAskedForOfAPeerThatMakesNoChecks) {
    for (int i = 0; i < 2; i++) EXPECT_TRUE(client.answers_a_check(subject->peer->local())) << i;
    EXPECT_TRUE(subject->states.empty());
    EXPECT_TRUE(subject->reaches(client));
}

}  // namespace
}  // namespace sluice::ice
