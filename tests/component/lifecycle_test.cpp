#include <algorithm>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <unistd.h>

#include "media_fixture.h"
#include "rooms/rooms.h"

namespace sluice::test {
namespace {

constexpr int kUsers = 1000;
constexpr int kUsersPerRoom = 4;
constexpr int kRoomsAtOnce = 5;

size_t entries(const char* folder) {
    return size_t(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// GLib keeps idle threads of its pools for 15 s; they are dismissed here and then counted.
size_t threads() {
    g_thread_pool_stop_unused_threads();
    return entries("/proc/self/task");
}

size_t descriptors() {
    return entries("/proc/self/fd");
}

size_t resident_bytes() {
    malloc_trim(0);
    size_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * size_t(sysconf(_SC_PAGESIZE));
}

/// Small rooms, several at a time: one user produces, two who are there already and one who comes later
/// watch.
struct Lifecycle : MediaFixture {
    struct Room {
        std::string id;
        std::vector<std::unique_ptr<peer::Connection>> browsers;
        int pending = 0;  ///< Calls without an answer.
    };

    void SetUp() override { rooms.emplace(scheduler, *engine, rooms::Limits{}); }
    void TearDown() override {
        rooms.reset();
        MediaFixture::TearDown();
    }

    static std::string user(int index) { return "user" + std::to_string(index); }
    /// An answer that is awaited; one that is an error fails the test.
    template <typename T>
    Done<T> expect(Room& room, const char* what, std::function<void(T)> then = {}) {
        room.pending++;
        return Done<T>([&room, what, then](Result<T> result) {
            room.pending--;
            if (!result)
                ADD_FAILURE() << what << " in " << room.id << ": " << result.error().message;
            else if (then)
                then(std::move(result).value());
        });
    }

    void watch(Room& room, int consumer, const std::string& offer) {
        const auto answer = room.browsers[size_t(consumer)]->answer(offer);
        ASSERT_TRUE(answer) << answer.error().message;
        rooms->consume(room.id, user(consumer), user(0), *answer, expect<Ok>(room, "consume"));
    }
    void enter(Room& room, int index) {
        rooms->create(
            room.id, rooms::NewUser{user(index)},
            expect<rooms::Entered>(room, "enter", [this, &room, index](const rooms::Entered& entered) {
                for (const auto& other : entered.users)
                    if (other.offer)
                        watch(room, index, *other.offer);
            }));
    }
    void produce(Room& room) {
        auto& browser = *room.browsers[0];
        browser.add_track(Kind::Audio);
        browser.add_track(Kind::Video);
        rooms->produce(
            room.id, user(0), browser.create_offer(), {},
            expect<rooms::Produced>(room, "produce", [this, &room](const rooms::Produced& produced) {
                ASSERT_TRUE(room.browsers[0]->set_answer(produced.answer.value_or("")));
                for (const auto& other : produced.outbound) {
                    ASSERT_TRUE(other.offer) << other.error.value_or("");
                    watch(room, std::stoi(other.user_id.substr(4)), *other.offer);
                }
            }));
    }
    static bool sees(const peer::Connection& browser) {
        const auto* sound = browser.receiver().track(Kind::Audio);
        const auto* picture = browser.receiver().track(Kind::Video);
        return sound && sound->packets() > 0 && picture && picture->key_frames() > 0;
    }

    /// Its users come, see and go.
    void live(std::vector<Room>& all) {
        const auto answered = [&] {
            return std::ranges::all_of(all, [](const Room& r) { return r.pending == 0; });
        };
        for (auto& room : all)
            for (int i = 0; i < kUsersPerRoom; i++) {
                room.browsers.push_back(std::make_unique<peer::Connection>(loop, certificate));
                if (i + 1 < kUsersPerRoom)
                    enter(room, i);
            }
        ASSERT_TRUE(wait_for("everybody in the rooms", answered));
        for (auto& room : all) produce(room);
        ASSERT_TRUE(wait_for("the producers", answered, 30s));
        for (auto& room : all) enter(room, kUsersPerRoom - 1);
        ASSERT_TRUE(wait_for("those who come later", answered, 30s));
        for (auto& room : all)
            for (int i = 1; i < kUsersPerRoom; i++)
                ASSERT_TRUE(wait_for(
                    "sound and picture", [&] { return sees(*room.browsers[size_t(i)]); }, 30s));
        for (size_t at = 0; at < all.size(); at++) {
            auto& room = all[at];
            if (at % 2)
                room.browsers.clear();  // They say goodbye before their backend does.
            for (int i = 0; i < kUsersPerRoom; i++)
                rooms->remove_user(room.id, user((i + int(at)) % kUsersPerRoom),
                                   expect<rooms::Left>(room, "leave"));
        }
        ASSERT_TRUE(wait_for("everybody gone", answered, 30s));
        EXPECT_TRUE(rooms->list().empty());
    }
    void live(int users) {
        for (int done = 0; done < users && !HasFatalFailure(); done += kRoomsAtOnce * kUsersPerRoom) {
            std::vector<Room> all(kRoomsAtOnce);
            for (auto& room : all) room.id = "room" + std::to_string(next_room++);
            live(all);
        }
    }
    testing::AssertionResult all_is_freed() {
        return wait_for(
            "the end of every connection", [this] { return engine->connections() == 0; }, 30s);
    }

    std::optional<rooms::Rooms> rooms;
    int next_room = 0;
};

TEST_F(Lifecycle, AThousandUsersLeaveNothingBehind) {
    live(5 * kRoomsAtOnce * kUsersPerRoom);  // What is made once and kept has been made then.
    ASSERT_TRUE(all_is_freed());
    // Workers free what the last connections were made of, and are not always given the processor at once.
    constexpr int kAtRest = 100;
    std::pair<size_t, size_t> before;
    int as_before = 0;
    ASSERT_TRUE(wait_for("the end of idle threads", [&] {
        const std::pair now(threads(), descriptors());
        as_before = std::exchange(before, now) == now ? as_before + 1 : 0;
        return as_before >= kAtRest;
    }));
    const auto resident_before = resident_bytes();

    live(kUsers);
    ASSERT_TRUE(all_is_freed());
    EXPECT_TRUE(wait_for("as many threads as before", [&] { return threads() <= before.first; }))
        << threads() << " threads, before " << before.first;
    EXPECT_TRUE(wait_for("as many descriptors as before", [&] { return descriptors() == before.second; }))
        << descriptors() << " descriptors, before " << before.second;
    const auto grown = double(resident_bytes()) - double(resident_before);
    RecordProperty("resident_grown_kb", int(grown / 1024));
    EXPECT_LT(grown, 10e6) << "before " << resident_before;
}

}  // namespace
}  // namespace sluice::test
