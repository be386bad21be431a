#include <gtest/gtest.h>

#include "rooms/answers.h"
#include "rooms_fixture.h"

using namespace sluice;
using namespace sluice::test;

namespace {

using rooms::NewUser;

class RoomsCalls : public RoomsTest {};

TEST_F(RoomsCalls, TheDocumentsExample) {
    const auto created = create("r", NewUser{"1", R"({"contactId":11})"});
    run();
    ASSERT_TRUE(created.ok()) << created.text();
    EXPECT_EQ(created->room_id, "r");
    EXPECT_EQ(created->user->user_id, "1");
    EXPECT_EQ(created->user->user_info, R"({"contactId":11})");
    EXPECT_TRUE(created->users.empty());

    const auto added = add("2", R"({"contactId":22})");
    run();
    ASSERT_TRUE(added.ok()) << added.text();
    EXPECT_EQ(added->user->user_id, "2");
    EXPECT_EQ(added->user->user_info, R"({"contactId":22})");
    ASSERT_EQ(told(added->users), "1");
    EXPECT_EQ(added->users[0].user_info, R"({"contactId":11})");

    const auto produced = produce("1", "audio video", {true, true});
    run();
    ASSERT_TRUE(produced.ok()) << produced.text();
    EXPECT_EQ(produced->answer, "answer to audio video");
    EXPECT_EQ(produced->user_id, "1");
    EXPECT_EQ(produced->user_info, R"({"contactId":11})");
    EXPECT_EQ(produced->constraints, (media::Constraints{true, true}));
    ASSERT_EQ(told(produced->outbound), "2=offer 1>2 #1");
    EXPECT_EQ(produced->outbound[0].user_info, R"({"contactId":22})");

    const auto consumed = consume("2", "1");
    run();
    EXPECT_TRUE(consumed.ok()) << consumed.text();

    const auto stopped = stop("1");
    run();
    ASSERT_TRUE(stopped.ok()) << stopped.text();
    EXPECT_EQ(stopped->user_id, "1");
    EXPECT_EQ(stopped->user_info, R"({"contactId":11})");
    EXPECT_EQ(told(stopped->outbound), "2");

    const auto left = leave("2");
    run();
    ASSERT_TRUE(left.ok()) << left.text();
    EXPECT_EQ(left->user_id, "2");
    EXPECT_EQ(left->user_info, R"({"contactId":22})");
    EXPECT_EQ(told(left->outbound), "1");

    const auto removed = remove();
    run();
    ASSERT_TRUE(removed.ok()) << removed.text();
    EXPECT_EQ(*removed, 1u);
}

TEST_F(RoomsCalls, ABranchBeginsAndItsEndHoldsUpNothing) {
    given({"1", "2"}, 1);
    const auto silent = begin_branch("2", "recording");
    const auto unknown = begin_branch("1", "none");
    const auto begun = begin_branch("1", "recording");
    run();
    EXPECT_TRUE(silent.failed(ErrorCode::WrongState)) << silent.text();
    EXPECT_TRUE(unknown.failed(ErrorCode::NotFound)) << unknown.text();
    EXPECT_TRUE(begun.ok()) << begun.text();
    EXPECT_EQ(rooms.branches("r", "1")->size(), 1u);
    EXPECT_TRUE(rooms.branches("r", "2")->empty());
    EXPECT_FALSE(rooms.branches("r", "3"));

    hold({"end recording 1"});
    const auto ended = end_branch("1", "recording");
    const auto produced = produce("1");
    run();
    EXPECT_TRUE(produced.ok()) << produced.text();
    EXPECT_FALSE(ended.answered()) << ended.text();
    engine.steps.settle("end recording 1");
    run();
    EXPECT_TRUE(ended.ok()) << ended.text();
}

TEST_F(RoomsCalls, ADrawingIsOfOneWhoProducesAndHasItsTime) {
    given({"1", "2"}, 1);
    const auto silent = draw("2");
    const auto nobody = draw("3");
    const auto nowhere = draw("1", "x");
    const auto drawn = draw("1");
    run();
    EXPECT_TRUE(silent.failed(ErrorCode::NotFound)) << silent.text();
    EXPECT_TRUE(nobody.failed(ErrorCode::NotFound)) << nobody.text();
    EXPECT_TRUE(nowhere.failed(ErrorCode::NotFound)) << nowhere.text();
    ASSERT_TRUE(drawn.ok()) << drawn.text();
    EXPECT_EQ(*drawn, "whole");

    hold({"draw 1"});
    const auto slow = draw("1");
    run(rooms::kStepLimit);
    EXPECT_TRUE(slow.failed(ErrorCode::Timeout)) << slow.text();
    const auto cut_short = draw("1");
    stop("1");
    run();
    EXPECT_TRUE(cut_short.failed(ErrorCode::Internal)) << cut_short.text();
}

TEST_F(RoomsCalls, PipelinesAreThoseOfProducersWithWhereTheyGo) {
    given({"1", "2", "3"}, 2);
    begin_branch("2", "recording");
    run();
    const auto pipelines = rooms.pipelines();
    ASSERT_EQ(pipelines.size(), 2u);
    EXPECT_EQ(pipelines[1].room_id + pipelines[1].user_id, "r2");
    ASSERT_EQ(pipelines[1].consumers.size(), 2u);
    EXPECT_EQ(pipelines[1].consumers[0].user_id + pipelines[1].consumers[1].user_id, "13");
    ASSERT_EQ(pipelines[1].branches.size(), 1u);
    EXPECT_TRUE(pipelines[0].branches.empty());
}

TEST_F(RoomsCalls, CreateMakesAUuidWhenThereIsNoId) {
    const auto one = create(std::nullopt);
    const auto other = create(std::nullopt);
    run();
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_EQ(one->room_id.size(), 36u);
    EXPECT_NE(one->room_id, other->room_id);
    EXPECT_FALSE(one->user);
    EXPECT_EQ(rooms.list().size(), 2u);
}

TEST_F(RoomsCalls, CreateReturnsARoomThatExistsAsItIs) {
    given({"1", "2"}, 1);
    const auto again = create("r");
    const auto with_user = create("r", NewUser{"3"});
    run();
    ASSERT_TRUE(again.ok() && with_user.ok());
    EXPECT_EQ(told(again->users), "1 av, 2");
    EXPECT_EQ(told(with_user->users), "1=offer 1>3 #1 av, 2");
    const auto twice = create("r", NewUser{"3"});
    run();
    EXPECT_TRUE(twice.failed(ErrorCode::AlreadyExists)) << twice.text();
}

TEST_F(RoomsCalls, ARoomWithoutUsersStays) {
    create("r");
    run(std::chrono::hours(24));
    EXPECT_EQ(rooms.list().size(), 1u);
}

TEST_F(RoomsCalls, SomebodyNewGetsAnOfferOfEverybodyWhoProduces) {
    given({"1", "2", "3"}, 2);
    const auto added = add("4");
    run();
    ASSERT_TRUE(added.ok());
    EXPECT_EQ(told(added->users), "1=offer 1>4 #1 av, 2=offer 2>4 #1 av, 3");
}

TEST_F(RoomsCalls, SomebodyNewIsToldOfAnOfferThatCouldNotBeMade) {
    given({"1", "2"}, 2);
    fail("offer 1>3");
    const auto added = add("3");
    run();
    ASSERT_TRUE(added.ok());
    EXPECT_EQ(told(added->users), "1!media failed av, 2=offer 2>3 #1 av");
    EXPECT_FALSE(engine.consumer("1>3"));
    EXPECT_TRUE(engine.consumer("2>3"));
}

TEST_F(RoomsCalls, AUserIsThereOnce) {
    given({"1"}, 0);
    const auto twice = add("1");
    run();
    EXPECT_TRUE(twice.failed(ErrorCode::AlreadyExists)) << twice.text();
}

TEST_F(RoomsCalls, UnknownRoomIsNotFound) {
    const auto added = add("1");
    const auto produced = produce("1");
    const auto consumed = consume("1", "2");
    const auto reoffered = reoffer("1", "2");
    const auto stopped = stop("1");
    const auto left = leave("1");
    const auto removed = remove();
    run();
    EXPECT_TRUE(added.failed(ErrorCode::NotFound));
    EXPECT_TRUE(produced.failed(ErrorCode::NotFound));
    EXPECT_TRUE(consumed.failed(ErrorCode::NotFound));
    EXPECT_TRUE(reoffered.failed(ErrorCode::NotFound));
    EXPECT_TRUE(stopped.failed(ErrorCode::NotFound));
    EXPECT_TRUE(left.failed(ErrorCode::NotFound));
    EXPECT_TRUE(removed.failed(ErrorCode::NotFound));
    EXPECT_EQ(removed.error().message, "there is no room \"r\"");
    const auto described = rooms.describe("r");
    ASSERT_FALSE(described);
    EXPECT_EQ(described.error().code, ErrorCode::NotFound);
}

TEST_F(RoomsCalls, UnknownUserIsNotFound) {
    given({"2"}, 1);
    const auto produced = produce("1");
    const auto consumed = consume("1", "2");
    const auto reoffered = reoffer("1", "2");
    const auto stopped = stop("1");
    const auto left = leave("1");
    run();
    EXPECT_TRUE(produced.failed(ErrorCode::NotFound));
    EXPECT_TRUE(consumed.failed(ErrorCode::NotFound));
    EXPECT_TRUE(reoffered.failed(ErrorCode::NotFound));
    EXPECT_TRUE(stopped.failed(ErrorCode::NotFound));
    EXPECT_TRUE(left.failed(ErrorCode::NotFound));
    EXPECT_EQ(left.error().message, "user \"1\" is not in the room \"r\"");
    EXPECT_EQ(left.error().field, "");
}

TEST_F(RoomsCalls, OneFailedOfferToOneUserFailsNobodyElse) {
    given({"1", "2", "3"}, 0);
    fail("offer 1>2");
    const auto produced = produce("1");
    run();
    ASSERT_TRUE(produced.ok());
    EXPECT_EQ(told(produced->outbound), "2!media failed, 3=offer 1>3 #1");
    EXPECT_FALSE(engine.consumer("1>2")) << "the connection nobody knows of is freed";
}

TEST_F(RoomsCalls, AFirstOfferThatIsRefusedLeavesNothing) {
    given({"1", "2"}, 0);
    const auto produced = produce("1", "bad");
    run();
    ASSERT_TRUE(produced.failed(ErrorCode::Unacceptable)) << produced.text();
    EXPECT_EQ(produced.error().field, "offer.sdp");
    EXPECT_EQ(engine.connections(), 0u);
    EXPECT_FALSE(rooms.describe("r")->users[0].producer);
}

TEST_F(RoomsCalls, AnotherOfferKeepsEveryConnection) {
    given({"1", "2", "3"}, 1);
    const auto* const producer = engine.producer("1");
    const auto* const consumer = engine.consumer("1>2");
    const auto produced = produce("1", "audio");
    run();
    ASSERT_TRUE(produced.ok());
    EXPECT_EQ(produced->answer, "answer to audio");
    EXPECT_EQ(produced->constraints, (media::Constraints{true, false}));
    EXPECT_EQ(told(produced->outbound), "2=offer 1>2 #2, 3=offer 1>3 #2");
    EXPECT_EQ(engine.producer("1"), producer);
    EXPECT_EQ(engine.consumer("1>2"), consumer);
}

TEST_F(RoomsCalls, AnotherOfferThatFailsLeavesEverything) {
    given({"1", "2"}, 1);
    const auto produced = produce("1", "bad", {false, false});
    run();
    ASSERT_TRUE(produced.failed(ErrorCode::Unacceptable));
    EXPECT_EQ(engine.consumer("1>2")->offers, 1);
    EXPECT_EQ(engine.producer("1")->flowing, (media::Constraints{true, true}));
    EXPECT_EQ(rooms.describe("r")->users[0].producer->constraints, (media::Constraints{true, true}));
}

TEST_F(RoomsCalls, AnUpdateThatFailsForOneUserKeepsItsConnection) {
    given({"1", "2"}, 1);
    fail("offer 1>2");
    const auto produced = produce("1", "audio");
    run();
    ASSERT_TRUE(produced.ok());
    EXPECT_EQ(told(produced->outbound), "2!media failed");
    EXPECT_TRUE(engine.consumer("1>2"));
}

TEST_F(RoomsCalls, AnOfferBringsBackAConnectionThatCouldNotBeMade) {
    given({"1", "2"}, 0);
    fail("offer 1>2");
    produce("1");
    run();
    answer_all();
    const auto produced = produce("1");
    run();
    EXPECT_EQ(told(produced->outbound), "2=offer 1>2 #1");
}

struct ConstraintsCase {
    const char* name;
    const char* first_offer;
    rooms::RequestedConstraints first;
    const char* second_offer;  ///< Null: constraints alone.
    rooms::RequestedConstraints second;
    media::Constraints effective;
};
class RoomsConstraints : public RoomsTest, public testing::WithParamInterface<ConstraintsCase> {};
TEST_P(RoomsConstraints, AreTheTracksThatFlow) {
    given({"1", "2"}, 0);
    const auto& c = GetParam();
    produce("1", c.first_offer, c.first);
    run();
    const auto second =
        produce("1", c.second_offer ? std::optional<std::string>(c.second_offer) : std::nullopt, c.second);
    run();
    ASSERT_TRUE(second.ok()) << second.text();
    EXPECT_EQ(second->constraints.audio, c.effective.audio);
    EXPECT_EQ(second->constraints.video, c.effective.video);
    EXPECT_EQ(second->answer.has_value(), c.second_offer != nullptr);
    EXPECT_EQ(told(second->outbound), c.second_offer ? "2=offer 1>2 #2" : "2");
    EXPECT_EQ(rooms.describe("r")->users[0].producer->constraints, c.effective);
    const auto flowing = engine.producer("1")->flowing;
    const auto tracks = engine.producer("1")->offered;
    EXPECT_EQ((media::Constraints{flowing.audio && tracks.audio, flowing.video && tracks.video}),
              c.effective);
}
constexpr rooms::RequestedConstraints kNone{};
INSTANTIATE_TEST_SUITE_P(
    All, RoomsConstraints,
    testing::Values(
        ConstraintsCase{"MuteVideo", "audio video", kNone, nullptr, {{}, false}, {true, false}},
        ConstraintsCase{"MuteBoth", "audio video", kNone, nullptr, {false, false}, {false, false}},
        ConstraintsCase{"Unmute", "audio video", {false, false}, nullptr, {true, {}}, {true, false}},
        ConstraintsCase{"NoSuchTrack", "audio", kNone, nullptr, {true, true}, {true, false}},
        ConstraintsCase{"OfferWithout", "audio video", {false, false}, "audio video", kNone, {true, true}},
        ConstraintsCase{
            "OfferWithPart", "audio video", {true, false}, "audio video", {false, {}}, {false, true}},
        ConstraintsCase{"FirstOfferWithPart", "audio video", {false, {}}, nullptr, {{}, {}}, {false, true}},
        ConstraintsCase{"TrackAdded", "audio", kNone, "audio video", kNone, {true, true}},
        ConstraintsCase{"TrackAddedMuted", "audio", kNone, "audio video", {true, false}, {true, false}},
        ConstraintsCase{"TrackRemoved", "audio video", kNone, "audio", kNone, {true, false}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(RoomsCalls, ConstraintsNeedAProducer) {
    given({"1"}, 0);
    const auto produced = produce("1", std::nullopt, {true, true});
    run();
    EXPECT_TRUE(produced.failed(ErrorCode::WrongState)) << produced.text();
}

TEST_F(RoomsCalls, NothingFlowsOfAMutedFirstOffer) {
    given({"1"}, 0);
    produce("1", "audio video", {false, false});
    run();
    EXPECT_EQ(engine.producer("1")->flowing, (media::Constraints{false, false}));
}

struct ConsumeCase {
    const char* name;
    const char* user;
    const char* producer;
    const char* answer;
    ErrorCode code;
    const char* field;
};
class RoomsConsume : public RoomsTest, public testing::WithParamInterface<ConsumeCase> {};
TEST_P(RoomsConsume, RefusesAndChangesNothing) {
    given({"1", "2", "3"}, 1);
    const auto& c = GetParam();
    if (c.code == ErrorCode::Unacceptable)
        produce("1");
    run();
    const auto consumed = consume(c.user, c.producer, c.answer);
    run();
    ASSERT_TRUE(consumed.failed(c.code)) << consumed.text();
    EXPECT_EQ(consumed.error().field, c.field);
    EXPECT_EQ(engine.connections(), 3u);
    EXPECT_TRUE(engine.consumer("1>2"));
}
INSTANTIATE_TEST_SUITE_P(
    All, RoomsConsume,
    testing::Values(ConsumeCase{"UnknownUser", "9", "1", "answer", ErrorCode::NotFound, ""},
                    ConsumeCase{"UnknownProducer", "2", "9", "answer", ErrorCode::NotFound, "producerUserId"},
                    ConsumeCase{"NotProducing", "2", "3", "answer", ErrorCode::NotFound, "producerUserId"},
                    ConsumeCase{"Itself", "1", "1", "answer", ErrorCode::NotFound, "producerUserId"},
                    ConsumeCase{"NoOfferWaits", "2", "1", "answer", ErrorCode::WrongState, ""},
                    ConsumeCase{"BadAnswer", "2", "1", "bad answer", ErrorCode::Unacceptable, "answer.sdp"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(RoomsCalls, AnotherAnswerMayFollowABadOne) {
    given({"1", "2"}, 1);
    produce("1");
    run();
    const auto bad = consume("2", "1", "bad");
    const auto good = consume("2", "1");
    run();
    EXPECT_TRUE(bad.failed(ErrorCode::Unacceptable)) << bad.text();
    EXPECT_TRUE(good.ok()) << good.text();
}

TEST_F(RoomsCalls, ConsumeWithoutAConnectionIsWrongState) {
    given({"1", "2"}, 0);
    fail("offer 1>2");
    produce("1");
    run();
    const auto consumed = consume("2", "1");
    run();
    EXPECT_TRUE(consumed.failed(ErrorCode::WrongState)) << consumed.text();
}

TEST_F(RoomsCalls, ReofferRestartsIce) {
    given({"1", "2"}, 1);
    const auto offer = reoffer("2", "1");
    const auto itself = reoffer("1", "1");
    const auto nobody = reoffer("1", "2");
    run();
    ASSERT_TRUE(offer.ok()) << offer.text();
    EXPECT_EQ(*offer, "offer 1>2 #2 restart");
    ASSERT_TRUE(itself.failed(ErrorCode::NotFound));
    ASSERT_TRUE(nobody.failed(ErrorCode::NotFound));
    EXPECT_EQ(nobody.error().field, "producerUserId");
}

TEST_F(RoomsCalls, ReofferMakesTheConnectionThatCouldNotBeMade) {
    given({"1", "2"}, 0);
    fail("offer 1>2");
    produce("1");
    const auto failing = reoffer("2", "1");
    run();
    EXPECT_TRUE(failing.failed(ErrorCode::NotFound)) << "the first offer is not answered yet";
    answer_all();
    const auto offer = reoffer("2", "1");
    run();
    ASSERT_TRUE(offer.ok()) << offer.text();
    const auto consumed = consume("2", "1");
    run();
    EXPECT_TRUE(consumed.ok()) << consumed.text();
}

TEST_F(RoomsCalls, StopFreesTheConsumersBeforeTheirProducer) {
    given({"1", "2", "3"}, 2);
    const auto stopped = stop("1");
    run();
    ASSERT_TRUE(stopped.ok());
    EXPECT_EQ(told(stopped->outbound), "2, 3");
    ASSERT_EQ(engine.steps.log.size(), 3u);
    EXPECT_EQ(engine.steps.log.back(), "close 1");
    const auto again = stop("1");
    run();
    ASSERT_TRUE(again.ok()) << "a retry is safe";
    EXPECT_EQ(told(again->outbound), "2, 3");
}

TEST_F(RoomsCalls, WhoLeavesTakesItsConnectionsAlong) {
    given({"1", "2", "3"}, 2);
    const auto left = leave("1");
    run();
    ASSERT_TRUE(left.ok());
    EXPECT_EQ(told(left->outbound), "2, 3");
    EXPECT_EQ(engine.connections(), 2u);
    EXPECT_FALSE(engine.producer("1"));
    EXPECT_FALSE(engine.consumer("2>1"));
    const auto back = add("1");
    run();
    EXPECT_EQ(told(back->users), "2=offer 2>1 #1 av, 3");
}

TEST_F(RoomsCalls, TheLastUserTakesTheRoomAlong) {
    given({"1", "2"}, 0);
    leave("1");
    const auto last = leave("2");
    run();
    ASSERT_TRUE(last.ok());
    EXPECT_TRUE(last->outbound.empty());
    EXPECT_TRUE(rooms.list().empty());
}

TEST_F(RoomsCalls, RemoveFreesEverything) {
    given({"1", "2", "3"}, 3);
    const auto removed = remove();
    const auto again = remove();
    run();
    ASSERT_TRUE(removed.ok());
    EXPECT_EQ(*removed, 3u);
    EXPECT_TRUE(again.failed(ErrorCode::NotFound));
    EXPECT_EQ(engine.connections(), 0u);
}

TEST_F(RoomsCalls, DescribeAndListSayWhatIsThere) {
    given({"1", "2", "3"}, 2);
    create("other");
    engine.producer("1")->numbers.bytes = 31221;
    engine.consumer("1>3")->numbers.bytes = 32131;
    engine.consumer("1>3")->set_state(media::ConnectionState::Failed);
    const auto state = rooms.describe("r");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->room_id, "r");
    ASSERT_EQ(state->users.size(), 3u);
    ASSERT_TRUE(state->users[0].producer);
    EXPECT_EQ(state->users[0].producer->stats.bytes, 31221u);
    ASSERT_EQ(state->users[0].consumers.size(), 1u);
    EXPECT_EQ(state->users[0].consumers[0].producer_user_id, "2");
    EXPECT_FALSE(state->users[2].producer);
    ASSERT_EQ(state->users[2].consumers.size(), 2u);
    EXPECT_EQ(state->users[2].consumers[0].stats.bytes, 32131u);
    EXPECT_EQ(state->users[2].consumers[0].stats.state, media::ConnectionState::Failed);

    const auto list = rooms.list();
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].room_id, "other");
    EXPECT_EQ(list[0].users, 0u);
    EXPECT_EQ(list[1].room_id, "r");
    EXPECT_EQ(list[1].users, 3u);
    EXPECT_EQ(list[1].producers, 2u);
    EXPECT_EQ(list[1].consumers, 4u);
}

TEST_F(RoomsCalls, UsersOfTheSameIdInTwoRoomsAreTwo) {
    given({"1"}, 1);
    const auto other = create("other", NewUser{"1"});
    run();
    ASSERT_TRUE(other.ok());
    remove("other");
    run();
    EXPECT_TRUE(engine.producer("1"));
}

}  // namespace
