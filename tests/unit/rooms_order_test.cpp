#include <gtest/gtest.h>

#include "rooms_fixture.h"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

using Steps = std::vector<std::string>;

/// Calls that meet: held steps of media keep the first in hand while others come.
class RoomsOrder : public RoomsTest {};

TEST_F(RoomsOrder, CallsOfOneUserTakeTurns) {
    given({"1", "2"}, 0);
    hold({"produce 1"});
    const auto first = produce("1", "audio");
    const auto second = produce("1", "audio video");
    const auto mute = produce("1", std::nullopt, {false, {}});
    const auto stopped = stop("1");
    run();
    EXPECT_EQ(engine.steps.log, (Steps{"produce 1"}));

    answer_all();
    engine.steps.settle("produce 1");
    run();
    EXPECT_EQ(engine.steps.log,
              (Steps{"produce 1", "offer 1>2", "produce 1", "offer 1>2", "close 1>2", "close 1"}));
    EXPECT_EQ(first->answer, "answer to audio");
    EXPECT_EQ(second->answer, "answer to audio video");
    EXPECT_EQ(told(second->outbound), "2=offer 1>2 #2");
    EXPECT_EQ(mute->constraints, (media::Constraints{false, true}));
    EXPECT_TRUE(stopped.ok());
}

TEST_F(RoomsOrder, CallsOfDifferentUsersDoNotWait) {
    given({"1", "2", "3"}, 0);
    hold({"produce 1", "offer 2>1"});
    const auto first = produce("1");
    const auto second = produce("2");
    const auto third = produce("3");
    run();
    EXPECT_FALSE(first.answered());
    EXPECT_FALSE(second.answered());
    EXPECT_EQ(told(third->outbound), "1=offer 3>1 #1, 2=offer 3>2 #1");
    engine.steps.settle("offer 2>1");
    run();
    EXPECT_EQ(told(second->outbound), "1=offer 2>1 #1, 3=offer 2>3 #1");
    engine.steps.settle("produce 1");
    run();
    EXPECT_EQ(told(first->outbound), "2=offer 1>2 #1, 3=offer 1>3 #1");
}

TEST_F(RoomsOrder, WhoComesWhileAnotherStartsIsOfferedOnce) {
    given({"1"}, 0);
    hold({"produce 1"});
    const auto produced = produce("1");
    const auto added = add("2");
    run();
    EXPECT_EQ(told(added->users), "1") << "not producing yet";
    engine.steps.settle("produce 1");
    run();
    EXPECT_EQ(told(produced->outbound), "2=offer 1>2 #1");
}

TEST_F(RoomsOrder, WhoStartsWhileAnotherComesOffersOnce) {
    given({"1", "2"}, 1);
    hold({"offer 1>3"});
    const auto added = add("3");
    const auto produced = produce("2");
    run();
    EXPECT_EQ(told(produced->outbound), "1=offer 2>1 #1, 3=offer 2>3 #1");
    engine.steps.settle("offer 1>3");
    run();
    EXPECT_EQ(told(added->users), "1=offer 1>3 #1 av, 2") << "the offer of 2 is in its own call's answer";
}

TEST_F(RoomsOrder, WhoStopsWhileAnotherComesIsJustThere) {
    given({"1", "2"}, 2);
    hold({"offer 1>3", "offer 2>3"});
    const auto added = add("3");
    stop("1");
    run();
    engine.steps.settle("offer 2>3");
    run();
    EXPECT_EQ(told(added->users), "1, 2=offer 2>3 #1 av");
}

TEST_F(RoomsOrder, WhoStartsAnewWhileAnotherComesOffersAnew) {
    given({"1", "2"}, 2);
    hold({"offer 1>3", "offer 2>3"});
    const auto added = add("3");
    stop("1");
    answer_all();
    const auto anew = produce("1");
    run();
    EXPECT_EQ(told(anew->outbound), "2=offer 1>2 #1, 3=offer 1>3 #1");
    engine.steps.settle("offer 2>3");
    run();
    EXPECT_EQ(told(added->users), "1, 2=offer 2>3 #1 av");
    const auto consumed = consume("3", "1");
    run();
    EXPECT_TRUE(consumed.ok()) << consumed.text();
}

TEST_F(RoomsOrder, WhoLeavesWhileItsOfferIsMadeIsLeftOut) {
    given({"1", "2", "3"}, 0);
    hold({"offer 1>2", "offer 1>3"});
    const auto produced = produce("1");
    run();
    leave("2");
    engine.steps.settle("offer 1>3");
    run();
    EXPECT_EQ(told(produced->outbound), "3=offer 1>3 #1");
    EXPECT_FALSE(engine.consumer("1>2"));
}

class RoomsComeBack : public RoomsTest, public testing::WithParamInterface<bool> {};
TEST_P(RoomsComeBack, GetsANewOfferWhileTheOldOneIsMade) {
    given({"1", "2"}, 0);
    engine.steps.drop_late = GetParam();
    hold({"offer 1>2"});
    const auto produced = produce("1");
    run();
    leave("2");
    answer_all();
    const auto back = add("2");
    run();
    EXPECT_EQ(told(back->users), "1=offer 1>2 #1 av");
    EXPECT_EQ(told(produced->outbound), "") << "it is not the user the offer was for";
    EXPECT_TRUE(engine.consumer("1>2"));
}
INSTANTIATE_TEST_SUITE_P(Drops, RoomsComeBack, testing::Bool(),
                         [](const auto& info) { return info.param ? "Late" : "AtOnce"; });

TEST_F(RoomsOrder, AProducerThatLeavesWhileAnotherComesIsLeftOut) {
    given({"1", "2"}, 2);
    hold({"offer 1>3"});
    const auto added = add("3");
    leave("1");
    run();
    EXPECT_EQ(told(added->users), "2=offer 2>3 #1 av");
}

TEST_F(RoomsOrder, AnAnswerMeetsANewerOffer) {
    given({"1", "2"}, 1);
    produce("1", "audio");
    run();
    hold({"offer 1>2"});
    const auto produced = produce("1");
    const auto consumed = consume("2", "1");
    run();
    EXPECT_TRUE(consumed.ok()) << "the answer is to the offer before";
    engine.steps.settle("offer 1>2");
    run();
    EXPECT_EQ(told(produced->outbound), "2=offer 1>2 #3");
    const auto newer = consume("2", "1");
    run();
    EXPECT_TRUE(newer.ok()) << newer.text();
}

TEST_F(RoomsOrder, ReofferMeetsAnUpdate) {
    given({"1", "2"}, 1);
    hold({"offer 1>2"});
    const auto fresh = reoffer("2", "1");
    const auto produced = produce("1");
    run();
    engine.steps.settle("offer 1>2");
    engine.steps.settle("offer 1>2");
    run();
    EXPECT_EQ(*fresh, "offer 1>2 #2 restart");
    EXPECT_EQ(told(produced->outbound), "2=offer 1>2 #3");
}

TEST_F(RoomsOrder, AnOfferThatWaitsForAnotherViewersIsLeftOutForALaterOne) {
    given({"1", "2", "3"}, 1);
    hold({"offer 1>3"});
    const auto produced = produce("1", "audio");
    run();
    const auto fresh = reoffer("2", "1");
    run();
    EXPECT_EQ(*fresh, "offer 1>2 #3 restart");
    engine.steps.settle("offer 1>3");
    run();
    EXPECT_EQ(told(produced->outbound), "3=offer 1>3 #2");
}

TEST_F(RoomsOrder, WhoComesIsNotOfferedWhatAnUpdateHasOfferedMeanwhile) {
    given({"1", "2"}, 2);
    hold({"offer 2>3"});
    const auto added = add("3");
    run();
    const auto produced = produce("1");
    run();
    EXPECT_EQ(told(produced->outbound), "2=offer 1>2 #2, 3=offer 1>3 #2");
    engine.steps.settle("offer 2>3");
    run();
    EXPECT_EQ(told(added->users), "1 av, 2=offer 2>3 #1 av");
}

TEST_F(RoomsOrder, TheProducerStopsWhileAnAnswerOrAnOfferIsInHand) {
    given({"1", "2", "3"}, 1);
    produce("1");
    run();
    hold({"answer 1>2", "offer 1>3"});
    const auto consumed = consume("2", "1");
    const auto offer = reoffer("3", "1");
    stop("1");
    run();
    ASSERT_TRUE(consumed.failed(ErrorCode::NotFound)) << consumed.text();
    EXPECT_EQ(consumed.error().field, "producerUserId");
    ASSERT_TRUE(offer.failed(ErrorCode::NotFound)) << offer.text();
    EXPECT_EQ(offer.error().message, "user \"1\" is not producing");
}

TEST_F(RoomsOrder, LeavingTakesItsTurn) {
    given({"1", "2"}, 0);
    hold({"produce 1"});
    const auto produced = produce("1");
    const auto left = leave("1");
    const auto late = produce("1");
    const auto back = add("1");
    run();
    EXPECT_FALSE(left.answered());
    engine.steps.settle("produce 1");
    run();
    EXPECT_TRUE(produced.ok());
    EXPECT_TRUE(left.ok());
    EXPECT_TRUE(late.failed(ErrorCode::NotFound)) << late.text();
    EXPECT_TRUE(back.ok()) << back.text();
    EXPECT_EQ(engine.connections(), 0u);
}

TEST_F(RoomsOrder, WhatNobodyWaitsForIsNotDoneWhenItsTurnComes) {
    given({"1", "2"}, 1);
    hold({"produce 1", "answer 1>2"});
    produce("1");
    auto mute = produce("1", std::nullopt, {false, false});
    auto branch = begin_branch("1", "recording");
    auto end = end_branch("1", "recording");
    auto stopped = stop("1");
    consume("2", "1");
    auto left = leave("2");
    auto back = add("2");
    const auto behind = reoffer("2", "1");
    run();
    mute.give_up();
    branch.give_up();
    end.give_up();
    stopped.give_up();
    left.give_up();
    back.give_up();
    engine.steps.settle("produce 1");
    engine.steps.settle("answer 1>2");
    run();
    EXPECT_EQ(engine.steps.log, (Steps{"produce 1", "answer 1>2", "offer 1>2", "offer 1>2"}));
    ASSERT_TRUE(engine.producer("1"));
    EXPECT_EQ(engine.producer("1")->flowing, (media::Constraints{true, true}));
    EXPECT_TRUE(engine.producer("1")->begun.empty());
    EXPECT_TRUE(behind.ok()) << "it has its turn: " << behind.text();
}

TEST_F(RoomsOrder, TheRoomGoesInTheMiddleOfEverything) {
    given({"1", "2", "3", "4"}, 2);
    produce("1");
    run();
    hold({"produce 1", "answer 1>2", "produce 3", "offer 2>4", "offer 1>5"});
    const auto update = produce("1", "audio");
    const auto consumed = consume("2", "1");
    const auto first = produce("3");
    const auto offer = reoffer("4", "2");
    const auto added = add("5");
    const auto leaving = leave("3");
    const auto waiting = consume("4", "1");
    run();
    const auto removed = remove();
    const auto anew = create("r", rooms::NewUser{"4"});
    run();
    EXPECT_EQ(*removed, 5u);
    const std::string deleted = "the room \"r\" was deleted";
    EXPECT_EQ(update.text(), deleted);
    EXPECT_EQ(consumed.text(), deleted);
    EXPECT_EQ(first.text(), deleted);
    EXPECT_EQ(offer.text(), deleted);
    EXPECT_EQ(added.text(), deleted);
    EXPECT_EQ(leaving.text(), deleted);
    EXPECT_EQ(waiting.text(), deleted);
    EXPECT_TRUE(update.failed(ErrorCode::NotFound));
    EXPECT_EQ(engine.connections(), 0u);
    ASSERT_TRUE(anew.ok()) << "it came after the deletion: " << anew.text();
    EXPECT_TRUE(anew->users.empty());
    ASSERT_TRUE(rooms.describe("r"));
    EXPECT_EQ(rooms.describe("r")->users.size(), 1u);
}

TEST_F(RoomsOrder, CreateWaitsBehindTheLastLeaver) {
    given({"1"}, 0);
    hold({"produce 1"});
    produce("1");
    const auto left = leave("1");
    const auto anew = create("r", rooms::NewUser{"1"});
    run();
    engine.steps.settle("produce 1");
    run();
    EXPECT_TRUE(left.ok());
    EXPECT_TRUE(anew.ok()) << anew.text();
    EXPECT_EQ(rooms.list().size(), 1u);
}

TEST_F(RoomsOrder, RoomsDoNotWaitForEachOther) {
    given({"1"}, 0);
    hold({"produce 1"});
    const auto stuck = produce("1");
    const auto other = create("other", rooms::NewUser{"1"});
    run();
    EXPECT_FALSE(stuck.answered());
    EXPECT_TRUE(other.ok());
}

// Media that is late, or gone.

TEST_F(RoomsOrder, AFirstOfferThatIsLateLeavesNothing) {
    given({"1", "2"}, 0);
    hold({"produce 1"});
    const auto produced = produce("1");
    run(4999ms);
    EXPECT_FALSE(produced.answered());
    run(1ms);
    ASSERT_TRUE(produced.failed(ErrorCode::Timeout)) << produced.text();
    EXPECT_EQ(produced.error().message, "answering the offer of user \"1\" took longer than 5 s");
    run();
    EXPECT_EQ(engine.connections(), 0u);
    answer_all();
    const auto again = produce("1");
    run();
    EXPECT_TRUE(again.ok()) << again.text();
}

TEST_F(RoomsOrder, AnUpdateThatIsLateLeavesEverything) {
    given({"1", "2"}, 1);
    hold({"produce 1"});
    const auto produced = produce("1", "audio", {false, false});
    const auto waiting = produce("1", std::nullopt, {true, false});
    run(5s);
    EXPECT_TRUE(produced.failed(ErrorCode::Timeout)) << produced.text();
    ASSERT_TRUE(waiting.ok()) << waiting.text();
    EXPECT_EQ(waiting->constraints, (media::Constraints{true, false}));
    engine.steps.settle("produce 1");
    run();
    EXPECT_EQ(engine.consumer("1>2")->offers, 1) << "a late reply is ignored";
}

TEST_F(RoomsOrder, APageReloadThatIsLateLeavesThePageBefore) {
    given({"1", "2"}, 1);
    hold({"produce 1"});
    const auto produced = produce("1", "reload audio", {false, false});
    run(5s);
    EXPECT_TRUE(produced.failed(ErrorCode::Timeout)) << produced.text();
    run();
    EXPECT_EQ(engine.connections(), 2u) << "its own connection is freed at once";
    answer_all();
    const auto again = produce("1", std::nullopt, {true, false});
    run();
    EXPECT_TRUE(again.ok()) << again.text();
    engine.steps.settle("produce 1");
    run();
    EXPECT_EQ(engine.producer("1")->offered, (media::Constraints{true, true}));
    EXPECT_EQ(engine.producer("1")->flowing, (media::Constraints{true, false}));
    EXPECT_EQ(engine.connections(), 2u);
    const auto reloaded = produce("1", "reload audio");
    run();
    EXPECT_TRUE(reloaded.ok()) << reloaded.text();
}

TEST_F(RoomsOrder, OneLateOfferIsAnErrorOfItsOwn) {
    given({"1", "2", "3"}, 1);
    hold({"offer 1>2"});
    const auto produced = produce("1", "audio");
    run(5s);
    EXPECT_EQ(told(produced->outbound), "2!the offer for user \"2\" took longer than 5 s, 3=offer 1>3 #2");
    EXPECT_FALSE(engine.consumer("1>2")) << "a connection that hangs is freed";
    answer_all();
    const auto offer = reoffer("2", "1");
    run();
    EXPECT_EQ(*offer, "offer 1>2 #1 restart");
}

TEST_F(RoomsOrder, LateOffersDoNotKeepSomebodyNewOut) {
    given({"1", "2"}, 2);
    hold({"offer 1>3", "offer 2>3"});
    const auto added = add("3");
    run(5s);
    ASSERT_TRUE(added.ok()) << added.text();
    EXPECT_EQ(told(added->users),
              "1!the offer for user \"3\" took longer than 5 s av, 2!the offer for user \"3\" took longer "
              "than 5 s av");
}

TEST_F(RoomsOrder, ALateAnswerIsATimeout) {
    given({"1", "2"}, 1);
    produce("1");
    run();
    hold({"answer 1>2"});
    const auto consumed = consume("2", "1");
    run(5s);
    EXPECT_TRUE(consumed.failed(ErrorCode::Timeout)) << consumed.text();
    EXPECT_TRUE(engine.consumer("1>2"));
}

TEST_F(RoomsOrder, ADroppedStepIsAnError) {
    given({"1", "2"}, 0);
    engine.steps.reply = [](const std::string&) { return Reply::Drop; };
    const auto produced = produce("1");
    run();
    EXPECT_TRUE(produced.failed(ErrorCode::Internal)) << produced.text();
    EXPECT_EQ(engine.connections(), 0u);
}

TEST(Rooms, GoWithCallsInHand) {
    FakeScheduler scheduler;
    FakeEngine engine(scheduler);
    Call<rooms::Produced> in_hand;
    Call<rooms::Left> waiting;
    {
        rooms::Rooms rooms(scheduler, engine, {});
        Call<rooms::Entered> entered;
        rooms.create("r", rooms::NewUser{"1"}, entered.done());
        engine.steps.reply = [](const std::string&) { return Reply::Hold; };
        rooms.produce("r", "1", "audio", {}, in_hand.done());
        rooms.stop_producing("r", "1", waiting.done());
        scheduler.advance();
        EXPECT_TRUE(entered.ok());
    }
    scheduler.advance(1min);
    EXPECT_EQ(in_hand.answers(), 1);
    EXPECT_EQ(waiting.answers(), 1);
    EXPECT_EQ(engine.connections(), 0u);
}

}  // namespace
