#include "ice/udp_socket.h"

#include <array>
#include <cerrno>
#include <linux/sock_diag.h>
#include <unistd.h>
#include <utility>

#include <glib.h>

namespace sluice::ice {
namespace {

/// A burst of a large frame to many consumers, and a moment in which nobody reads, must fit. The *FORCE
/// options need CAP_NET_ADMIN and pass net.core.*mem_max; without it the system's limit holds
/// (docs/operations.md).
void enlarge_buffers(int fd) {
    const int size = UdpSocket::kBuffer;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

std::array<uint32_t, SK_MEMINFO_VARS> memory_of(int fd) {
    std::array<uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size);
    return info;
}

}  // namespace

Result<UdpSocket> UdpSocket::bind(const Endpoint& local) {
    const auto refuse = [](const char* call) {
        return Error{ErrorCode::Internal, std::string(call) + ": " + g_strerror(errno)};
    };
    UdpSocket self(socket(local.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (self.fd_ < 0)
        return refuse("socket");
    enlarge_buffers(self.fd_);
    if (local.is_v6()) {
        const int only = 1;
        setsockopt(self.fd_, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    if (::bind(self.fd_, local.get(), local.size()) != 0)
        return refuse("bind");
    socklen_t size = Endpoint::kCapacity;
    getsockname(self.fd_, self.local_.get(), &size);
    return self;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), local_(other.local_) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(local_, other.local_);
    return *this;
}

UdpSocket::~UdpSocket() {
    if (fd_ >= 0)
        ::close(fd_);
}

bool UdpSocket::send(const Endpoint& to, std::span<const uint8_t> datagram) const {
    return sendto(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to.get(), to.size()) >=
           0;
}

uint32_t UdpSocket::dropped() const {
    return memory_of(fd_)[SK_MEMINFO_DROPS];
}

// The system doubles what it gives, for its own part of each packet (socket(7)).
size_t UdpSocket::receive_buffer() const {
    return memory_of(fd_)[SK_MEMINFO_RCVBUF] / 2;
}

size_t UdpSocket::send_buffer() const {
    return memory_of(fd_)[SK_MEMINFO_SNDBUF] / 2;
}

size_t DatagramBatch::receive(const UdpSocket& socket) {
    for (size_t i = 0; i < kDatagrams; i++) {
        parts_[i] = {bytes_[i].data(), kBytes};
        headers_[i] = {};
        auto& header = headers_[i].msg_hdr;
        header.msg_name = from_[i].get();
        header.msg_namelen = Endpoint::kCapacity;
        header.msg_iov = &parts_[i];
        header.msg_iovlen = 1;
    }
    const int count = recvmmsg(socket.fd(), headers_.data(), kDatagrams, MSG_DONTWAIT, nullptr);
    return count < 0 ? 0 : static_cast<size_t>(count);
}

std::span<const uint8_t> DatagramBatch::datagram(size_t i) const {
    if (headers_[i].msg_hdr.msg_flags & MSG_TRUNC)
        return {};
    return {bytes_[i].data(), headers_[i].msg_len};
}

}  // namespace sluice::ice
