#include <gtest/gtest.h>

#include "rooms_fixture.h"

using namespace sluice;
using namespace sluice::test;

namespace {

using rooms::NewUser;

class RoomsLimits : public RoomsTest {
protected:
    RoomsLimits() : RoomsTest({.rooms = 2, .users_per_room = 3, .connections = 5}) {}
};

TEST_F(RoomsLimits, Rooms) {
    create("r");
    create("s", NewUser{"1"});
    const auto third = create("t");
    const auto third_with_user = create("t", NewUser{"1"});
    const auto known = create("s");
    run();
    ASSERT_TRUE(third.failed(ErrorCode::LimitReached)) << third.text();
    EXPECT_EQ(third.error().message, "limits.rooms (2) is reached");
    EXPECT_TRUE(third_with_user.failed(ErrorCode::LimitReached));
    EXPECT_TRUE(known.ok()) << known.text();
    remove("s");
    const auto again = create("t");
    run();
    EXPECT_TRUE(again.ok()) << again.text();
}

TEST_F(RoomsLimits, UsersInARoom) {
    given({"1", "2", "3"}, 0);
    const auto fourth = add("4");
    run();
    ASSERT_TRUE(fourth.failed(ErrorCode::LimitReached)) << fourth.text();
    EXPECT_EQ(fourth.error().message, "limits.users-per-room (3) is reached");
    leave("1");
    const auto again = add("4");
    run();
    EXPECT_TRUE(again.ok()) << again.text();
}

TEST_F(RoomsLimits, ConnectionsForSomebodyWhoStarts) {
    given({"1", "2", "3"}, 1);
    const auto second = produce("2");
    run();
    ASSERT_TRUE(second.failed(ErrorCode::LimitReached)) << second.text();
    EXPECT_EQ(second.error().message, "limits.connections (5) is reached: 3 in use, 3 more needed");
    EXPECT_EQ(engine.connections(), 3u);
    const auto update = produce("1");
    run();
    EXPECT_TRUE(update.ok()) << "no new connection: " << update.text();
    stop("1");
    const auto too_early = produce("2");
    run();
    EXPECT_TRUE(too_early.failed(ErrorCode::LimitReached)) << "those being torn down count";
    const auto again = produce("2");
    run();
    EXPECT_TRUE(again.ok()) << again.text();
}

TEST_F(RoomsLimits, ConnectionsForSomebodyNew) {
    given({"1", "2"}, 2);
    const auto third = add("3");
    run();
    ASSERT_TRUE(third.failed(ErrorCode::LimitReached)) << third.text();
    EXPECT_EQ(rooms.describe("r")->users.size(), 2u);
    const auto created = create("s", NewUser{"1"});
    run();
    EXPECT_TRUE(created.ok()) << "needs no connection";
}

TEST_F(RoomsLimits, ConnectionsAboutToBeMadeCount) {
    given({"1", "2", "3"}, 0);
    hold({"produce 1"});
    const auto first = produce("1");
    const auto second = produce("2");
    run();
    ASSERT_TRUE(second.failed(ErrorCode::LimitReached)) << second.text();
    engine.steps.settle("produce 1");
    run();
    EXPECT_EQ(told(first->outbound), "2=offer 1>2 #1, 3=offer 1>3 #1");
    EXPECT_EQ(engine.connections(), 3u);
}

TEST_F(RoomsLimits, ConnectionsOfAFailedStartAreFreeAgain) {
    given({"1", "2", "3"}, 0);
    for (int i = 0; i < 10; i++) {
        produce("1", "bad");
        run();
    }
    const auto produced = produce("1");
    run();
    EXPECT_TRUE(produced.ok()) << produced.text();
    EXPECT_EQ(engine.connections(), 3u);
}

TEST_F(RoomsLimits, AConnectionTooManyIsTheErrorOfItsEntry) {
    given({"1", "2"}, 0);
    hold({"produce 1"});
    const auto produced = produce("1");
    add("3");  // after the check
    create("s", NewUser{"7"});
    Call<rooms::Produced> elsewhere;
    rooms.produce("s", "7", "audio", {}, elsewhere.done());
    run();
    create("s", NewUser{"8"});
    create("s", NewUser{"9"});
    run();
    ASSERT_EQ(engine.connections(), 4u);
    engine.steps.settle("produce 1");
    run();
    ASSERT_TRUE(produced.ok()) << produced.text();
    EXPECT_EQ(told(produced->outbound),
              "2=offer 1>2 #1, 3!limits.connections (5) is reached: 5 in use, 1 more needed");
}

class RoomsLimitsReached : public RoomsLimits {
protected:
    /// "1" produces for "2" and "3", one of those connections fails, and another room takes all there is.
    void fill(const std::function<void()>& fail) {
        given({"1", "2", "3"}, 1);
        fail();
        create("s", NewUser{"7"});
        create("s", NewUser{"8"});
        create("s", NewUser{"9"});
        Call<rooms::Produced> elsewhere;
        rooms.produce("s", "7", "audio", {}, elsewhere.done());
        run();
        ASSERT_TRUE(elsewhere.ok()) << elsewhere.text();
        ASSERT_EQ(engine.connections(), 5u);
    }
    const std::string reached = "limits.connections (5) is reached: 5 in use, 1 more needed";
};

TEST_F(RoomsLimitsReached, AFailedConsumerIsNotMadeAnew) {
    fill([this] { engine.consumer("1>2")->set_state(media::ConnectionState::Failed); });
    const auto update = produce("1");
    const auto offer = reoffer("2", "1");
    run();
    EXPECT_EQ(told(update->outbound), "2!" + reached + ", 3=offer 1>3 #2");
    EXPECT_EQ(offer.text(), reached);
    EXPECT_TRUE(offer.failed(ErrorCode::LimitReached));
    EXPECT_EQ(engine.connections(), 5u);
    EXPECT_TRUE(engine.consumer("1>2")) << "it stays to say that it failed";
    remove("s");
    run();
    const auto again = reoffer("2", "1");
    run();
    EXPECT_TRUE(again.ok()) << again.text();
}

TEST_F(RoomsLimitsReached, AFailedProducerIsNotMadeAnew) {
    fill([this] { engine.producer("1")->set_state(media::ConnectionState::Failed); });
    const auto anew = produce("1", "audio", {false, false});
    run();
    EXPECT_EQ(anew.text(), reached);
    EXPECT_TRUE(anew.failed(ErrorCode::LimitReached));
    EXPECT_EQ(engine.connections(), 5u);
    EXPECT_EQ(engine.producer("1")->offered, (media::Constraints{true, true}));
    EXPECT_EQ(engine.producer("1")->flowing, (media::Constraints{true, true}));
    remove("s");
    run();
    const auto again = produce("1");
    run();
    EXPECT_TRUE(again.ok()) << again.text();
}

TEST_F(RoomsLimits, APageReloadNeedsOneMoreForAMoment) {
    given({"1", "2", "3"}, 1);
    create("s", NewUser{"7"});
    Call<rooms::Produced> elsewhere;
    rooms.produce("s", "7", "audio", {}, elsewhere.done());
    run();
    const auto first = produce("1", "reload audio");
    run();
    EXPECT_TRUE(first.ok()) << first.text();
    EXPECT_EQ(engine.connections(), 4u);
    create("s", NewUser{"8"});
    run();
    ASSERT_EQ(engine.connections(), 5u);
    const auto second = produce("1", "reload audio video", {false, false});
    run();
    EXPECT_EQ(second.text(), "limits.connections (5) is reached: 5 in use, 1 more needed");
    EXPECT_EQ(engine.connections(), 5u);
    EXPECT_EQ(engine.producer("1")->offered, (media::Constraints{true, false}));
    EXPECT_EQ(engine.producer("1")->flowing, (media::Constraints{true, true}));
}

class RoomsCrowd : public RoomsTest {
protected:
    RoomsCrowd() : RoomsTest({.rooms = 1, .users_per_room = 100, .connections = 20}) {}
};
TEST_F(RoomsCrowd, WhoComesAtOnceIsLetInOnWhatTheOthersLeave) {
    given({"1", "2"}, 2);
    std::vector<Call<rooms::Entered>> crowd;
    for (int i = 0; i < 20; i++) crowd.push_back(add("crowd" + std::to_string(i)));
    run();
    size_t inside = 0;
    for (const auto& entered : crowd) {
        if (entered.failed(ErrorCode::LimitReached))
            continue;
        ASSERT_TRUE(entered.ok()) << entered.text();
        EXPECT_EQ(told(entered->users).find('!'), std::string::npos) << told(entered->users);
        inside++;
    }
    EXPECT_EQ(inside, 8u) << "of 20 connections 4 were in use, and everybody needs 2";
    EXPECT_EQ(engine.connections(), 20u);
    EXPECT_EQ(rooms.describe("r")->users.size(), 10u);
}

TEST_F(RoomsLimits, DrainingTakesNobodyNew) {
    given({"1", "2"}, 0);
    EXPECT_FALSE(rooms.draining());
    rooms.drain();
    EXPECT_TRUE(rooms.draining());
    const auto room = create("s");
    const auto room_with_user = create("s", NewUser{"1"});
    const auto user = add("3");
    const auto known = create("r");
    const auto produced = produce("1");
    const auto left = leave("2");
    run();
    ASSERT_TRUE(room.failed(ErrorCode::LimitReached));
    EXPECT_EQ(room.error().message, "the server is draining and takes no new room");
    EXPECT_TRUE(room_with_user.failed(ErrorCode::LimitReached));
    ASSERT_TRUE(user.failed(ErrorCode::LimitReached));
    EXPECT_EQ(user.error().message, "the server is draining and takes no new user");
    EXPECT_TRUE(known.ok());
    EXPECT_TRUE(produced.ok());
    EXPECT_TRUE(left.ok());
}

class RoomsWithoutPlace : public RoomsTest {
protected:
    RoomsWithoutPlace() : RoomsTest({.rooms = 1, .users_per_room = 0, .connections = 0}) {}
};
TEST_F(RoomsWithoutPlace, ARefusedUserLeavesNoNewRoom) {
    const auto created = create("r", NewUser{"1"});
    run();
    EXPECT_TRUE(created.failed(ErrorCode::LimitReached)) << created.text();
    EXPECT_TRUE(rooms.list().empty());
}

}  // namespace
