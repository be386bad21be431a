#include <fstream>
#include <random>
#include <sys/resource.h>
#include <thread>

#include <glib.h>

#include "ice/network_fixture.h"

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;
using test::IceClient;
using test::Packet;
using test::Subject;

/// Of this process; 0: no such thread.
pid_t find_thread(const std::string& name) {
    GDir* tasks = g_dir_open("/proc/self/task", 0, nullptr);
    pid_t found = 0;
    while (const char* task = g_dir_read_name(tasks)) {
        std::string of_task;
        std::getline(std::ifstream(std::string("/proc/self/task/") + task + "/comm"), of_task);
        if (of_task == name)
            found = std::stoi(task);
    }
    g_dir_close(tasks);
    return found;
}

std::chrono::nanoseconds cpu_of(pid_t thread) {
    long long used = 0;
    std::ifstream("/proc/self/task/" + std::to_string(thread) + "/schedstat") >> used;
    return std::chrono::nanoseconds(used);
}

/// Random bytes, media from strangers, checks for nobody and for somebody, with and without a right
/// fingerprint.
std::vector<Packet> junk_for(const Credentials& victim) {
    std::mt19937 random(1);
    std::vector<Packet> junk;
    for (unsigned i = 0; i < 256; i++) {
        Packet bytes(20 + random() % 200);
        for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
        junk.push_back(bytes);
        bytes[0] = 0x80;
        junk.push_back(bytes);
        const auto id = test::random_transaction();
        junk.push_back(IceClient::whole_check({"nobody" + std::to_string(i), "guess"}, id));
        junk.push_back(IceClient::whole_check({victim.ufrag, "guess" + std::to_string(i)}, id));
        auto broken = IceClient::whole_check(victim, id);
        broken[30] ^= 1;
        junk.push_back(broken);
    }
    return junk;
}

/// 300,000 packets of junk from 64 ports, as fast as the server takes them, and media in between. The
/// server's own share is measured as CPU, so that a busy machine does not matter: 10 us are 100,000 a second.
TEST(Flood, LeavesMediaUntouched) {
    constexpr uint64_t kJunk = 300'000, kOutstanding = 200;  // What Debian's sockets hold.
    const auto network = test::NetworkFixture::open(test::NetworkFixture::on({"127.0.0.1"}));
    const auto subject = Subject::make(*network);
    const auto address = test::NetworkFixture::server(*network);
    IceClient client(address);
    ASSERT_TRUE(client.check_succeeds(subject->peer->local()));
    std::vector<std::unique_ptr<IceClient>> strangers;
    for (int i = 0; i < 64; i++) strangers.push_back(std::make_unique<IceClient>(address));
    const auto junk = junk_for(subject->peer->local());

    const pid_t reader = find_thread("sluice-network");
    const auto cpu_before = cpu_of(reader);
    const auto received_before = network->stats().datagrams_received;
    const auto began = Clock::now();
    for (uint64_t sent = 0; sent < kJunk;) {
        for (int i = 0; i < 100; i++, sent++) strangers[sent % 64]->send(junk[sent % junk.size()]);
        if (sent % 1000 == 0) {
            ASSERT_TRUE(subject->hears(client)) << "after " << sent;
            ASSERT_TRUE(subject->reaches(client)) << "after " << sent;
        }
        while (network->stats().datagrams_received - received_before + kOutstanding < sent)
            std::this_thread::yield();
    }
    const std::chrono::duration<double> took = Clock::now() - began;
    const std::chrono::duration<double, std::micro> cpu = cpu_of(reader) - cpu_before;
    std::printf("%.0f packets a second, %.2f us of CPU each\n", kJunk / took.count(), cpu.count() / kJunk);
#ifdef MEASURE_CPU
    EXPECT_LT(cpu.count() / kJunk, 10);
#endif
    for (const auto& stranger : strangers) EXPECT_FALSE(stranger->receive(0ms)) << "answered junk";
    EXPECT_TRUE(subject->states.take() == PeerState::Connected && subject->states.empty());
}

/// Or a machine that is short of CPU loses checks.
TEST(Flood, IsReadBeforeAnythingElseIsDone) {
    constexpr int kFirst = -20;
    int allowed = getpriority(PRIO_PROCESS, 0);
    std::thread([&] {
        if (setpriority(PRIO_PROCESS, 0, kFirst) == 0)
            allowed = kFirst;
    }).join();
    const auto network = test::NetworkFixture::open(test::NetworkFixture::on({"127.0.0.1"}));
    // It answers, so it has begun.
    const auto subject = Subject::make(*network);
    IceClient client(test::NetworkFixture::server(*network));
    ASSERT_TRUE(client.check_succeeds(subject->peer->local()));
    const pid_t reader = find_thread("sluice-network");
    ASSERT_GT(reader, 0);
    EXPECT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(reader)), allowed);
}

}  // namespace
}  // namespace sluice::ice
