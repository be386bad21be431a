// What forwarding costs that no server saves: SRTP and the system call for each packet and consumer, with
// loopback's delivery to the consumer's socket. One packet to many consumers at a time, as the fan-out does
// it.
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>
#include <thread>
#include <vector>

#include "elements/srtp.h"
#include "ice/lite_network.h"
#include "ice/outbox.h"

using namespace sluice;

namespace {

constexpr size_t kConsumers = 100, kHeader = 12;
constexpr size_t kSize = 795;  ///< sfuload's packets are as large on average: 109 Mbit/s in 17,100 a second.
constexpr unsigned kPackets = 500;                ///< To each consumer.
constexpr std::chrono::microseconds kPace{5850};  ///< sfuload's producer sends 171 a second.

struct Consumer {
    ice::UdpSocket socket;
    elements::SrtpCipher cipher;
    ice::Destination destination;
};

std::chrono::nanoseconds cpu_of_this_thread() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

elements::SrtpCipher cipher_with_key_of_its_own(std::mt19937& random) {
    std::array<uint8_t, elements::SrtpKeys::kMasterKey + elements::SrtpKeys::kMasterSalt> key{};
    for (auto& byte : key) byte = static_cast<uint8_t>(random());
    return elements::SrtpCipher(elements::SrtpKeys::derive(key));
}

/// CPU for each packet and consumer.
double measure(std::vector<Consumer>& consumers, ice::Network& network, bool sends,
               std::chrono::microseconds pace) {
    ice::Outbox outbox(network);
    const auto received = std::make_unique<ice::DatagramBatch>();
    std::array<uint8_t, kSize> packet{0x80};
    std::array<uint8_t, ice::Outbox::kBytes> nowhere;
    std::chrono::nanoseconds used{0};
    auto next = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < kPackets; i++) {
        std::this_thread::sleep_until(next += pace);
        const auto before = cpu_of_this_thread();
        for (auto& consumer : consumers) {
            const auto room = sends ? outbox.room() : std::span<uint8_t>(nowhere);
            const auto size = consumer.cipher.protect(packet.data(), packet.size(), kHeader,
                                                      static_cast<uint16_t>(i), 0, room.data());
            if (sends)
                outbox.add(consumer.destination, size);
        }
        outbox.flush();
        used += cpu_of_this_thread() - before;
        for (auto& consumer : consumers) received->receive(consumer.socket);
    }
    return std::chrono::duration<double, std::micro>(used).count() / kPackets /
           static_cast<double>(consumers.size());
}

}  // namespace

int main() {
    ice::Options options;
    options.addresses = {"127.0.0.1"};
    const auto network = ice::LiteNetwork::bind(options);
    const auto local = *ice::Endpoint::from("127.0.0.1", 0);
    auto sender = ice::UdpSocket::bind(local);
    std::mt19937 random;
    std::vector<Consumer> consumers;
    for (size_t i = 0; i < kConsumers && network && sender; i++) {
        auto socket = ice::UdpSocket::bind(local);
        if (!socket)
            break;
        const auto remote = socket->local();
        consumers.push_back({std::move(socket).value(),
                             cipher_with_key_of_its_own(random),
                             {.fd = sender->fd(), .remote = remote}});
    }
    if (consumers.size() != kConsumers) {
        std::fputs("sockets cannot be opened\n", stderr);
        return 1;
    }
    std::printf("CPU us for each packet of %zu bytes and consumer, %zu consumers:\n", kSize, kConsumers);
    std::printf("%-40s %10s %10s\n", "", "at once", "171 a second");
    for (const bool sends : {false, true})
        std::printf("%-40s %10.2f %10.2f\n", sends ? "SRTP and sendmmsg()" : "SRTP",
                    measure(consumers, **network, sends, std::chrono::microseconds(0)),
                    measure(consumers, **network, sends, kPace));
}
