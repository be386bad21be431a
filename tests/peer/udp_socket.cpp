#include "peer/udp_socket.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::peer {
namespace {

/// Some seconds of a fast stream, in which a test that sanitizers slow down stands still; and little.
constexpr int kReceiveBuffer = 8 << 20, kFrozenBuffer = 64 << 10;

/// Room for one recvmmsg(): shared by all sockets, since a datagram is handled before the next read.
struct Batch {
    static constexpr size_t kCount = 32;
    std::array<std::array<uint8_t, 2048>, kCount> data;
    std::array<std::array<char, 64>, kCount> control;
    std::array<sockaddr_in, kCount> from;
    std::array<iovec, kCount> vectors;
    std::array<mmsghdr, kCount> headers;

    int receive(int fd) {
        for (size_t i = 0; i < kCount; i++) {
            vectors[i] = {data[i].data(), data[i].size()};
            headers[i].msg_hdr = {
                &from[i], sizeof from[i], &vectors[i], 1, control[i].data(), control[i].size(), 0};
        }
        return recvmmsg(fd, headers.data(), kCount, MSG_DONTWAIT, nullptr);
    }
};

Time realtime() {
    timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

template <typename T>
std::optional<T> find(msghdr& header, int type) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == type) {
            T value;
            memcpy(&value, CMSG_DATA(c), sizeof value);
            return value;
        }
    return std::nullopt;
}

/// The kernel's SO_TIMESTAMPNS (CLOCK_REALTIME) of a message, if it is there.
Time stamp_of(msghdr& header) {
    const auto t = find<timespec>(header, SO_TIMESTAMPNS);
    return t ? std::chrono::seconds(t->tv_sec) + std::chrono::nanoseconds(t->tv_nsec) : realtime();
}

}  // namespace

std::string to_text(in_addr address) {
    std::array<char, INET_ADDRSTRLEN> text;
    return inet_ntop(AF_INET, &address, text.data(), text.size());
}

in_addr loopback() {
    return {htonl(INADDR_LOOPBACK)};
}

UdpSocket::UdpSocket(Loop& loop, Received received, in_addr local)
    : loop_(loop),
      received_(std::move(received)),
      fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = local;
    socklen_t length = sizeof address;
    const int on = 1;
    if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), length) < 0 ||
        getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) < 0 ||
        setsockopt(fd_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0 ||
        setsockopt(fd_, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) < 0 ||
        // The first needs CAP_NET_ADMIN; the second gives what net.core.rmem_max allows, 0.2 s of 8 Mbit/s.
        (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer) < 0 &&
         setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer) < 0))
        g_error("cannot open a UDP socket: %s", g_strerror(errno));
    port_ = ntohs(address.sin_port);
    loop_.watch(fd_, [this] { read(); });
}

UdpSocket::~UdpSocket() {
    close();
}

void UdpSocket::send(Bytes datagram, const sockaddr_in& to) {
    // A full buffer or an unreachable port loses the datagram, as on any network.
    if (fd_ >= 0)
        (void)sendto(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

void UdpSocket::stop_reading() {
    if (fd_ < 0 || !std::exchange(reading_, false))
        return;
    loop_.unwatch(fd_);
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &kFrozenBuffer, sizeof kFrozenBuffer);
}

void UdpSocket::close() {
    if (fd_ < 0)
        return;
    stop_reading();
    ::close(fd_);
    fd_ = -1;
}

void UdpSocket::read() {
    static Batch batch;
    const int count = batch.receive(fd_);
    const Time offset = realtime() - now();
    for (int i = 0; i < count && reading_; i++) {
        auto& header = batch.headers[i].msg_hdr;
        overflowed_ = find<uint32_t>(header, SO_RXQ_OVFL).value_or(overflowed_);
        received_({batch.data[i].data(), batch.headers[i].msg_len}, batch.from[i], stamp_of(header) - offset);
    }
}

}  // namespace sluice::peer
