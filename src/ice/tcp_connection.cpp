#include "ice/tcp_connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

namespace sluice::ice {
namespace {

constexpr size_t kLength = 2;
/// What may wait in the system unsent: a key frame fits, and on a slow link it is not many seconds.
constexpr int kUnsent = 128 << 10;
/// What may wait here: the rest of a frame, and some twenty checks and answers.
constexpr size_t kMaxRest = 2 * TcpConnection::kMaxFrame;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

TcpConnection::TcpConnection(int fd, const Endpoint& remote, int epoll, uint64_t tag)
    : fd_(fd), remote_(remote), epoll_(epoll), tag_(tag) {
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsent, sizeof kUnsent);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = tag_}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
}

TcpConnection::~TcpConnection() {
    ::close(fd_);
}

void TcpConnection::watch(bool writable) {
    epoll_event event{.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data = {.u64 = tag_}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event);
}

bool TcpConnection::send(std::span<const uint8_t> datagram, IfFull if_full) {
    if (datagram.size() > kMaxFrame)
        return false;
    std::array<uint8_t, kLength> length{static_cast<uint8_t>(datagram.size() >> 8),
                                        static_cast<uint8_t>(datagram.size())};
    iovec parts[] = {{length.data(), length.size()},
                     {const_cast<uint8_t*>(datagram.data()), datagram.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    std::lock_guard lock(mutex_);
    if (shut_ || !send_rest())
        return false;
    size_t done = 0;
    if (rest_.empty()) {
        const auto sent = sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && !(would_block() && if_full == IfFull::Wait))
            return false;  // a broken connection tells the reader too
        done = static_cast<size_t>(std::max<ssize_t>(sent, 0));
        if (done == kLength + datagram.size())
            return true;
    } else if (if_full == IfFull::Drop || rest_.size() + kLength + datagram.size() > kMaxRest)
        return false;
    // The frame has to be finished, or the peer would never find the next one.
    if (done < kLength)
        rest_.insert(rest_.end(), length.begin() + static_cast<ptrdiff_t>(done), length.end());
    const auto body = datagram.subspan(done < kLength ? 0 : done - kLength);
    rest_.insert(rest_.end(), body.begin(), body.end());
    watch(true);
    return true;
}

bool TcpConnection::flush() {
    std::lock_guard lock(mutex_);
    if (!send_rest())
        return false;
    if (rest_.empty())
        watch(false);
    return true;
}

/// False: the connection is broken. The system tells of room only when half of what it holds has gone, so
/// whoever has something to send tries.
bool TcpConnection::send_rest() {
    if (rest_.empty())
        return true;
    const auto sent = ::send(fd_, rest_.data(), rest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return would_block();
    rest_.erase(rest_.begin(), rest_.begin() + sent);
    return true;
}

bool TcpConnection::read(std::span<uint8_t> buffer,
                         const std::function<bool(std::span<const uint8_t> frame)>& on_frame) {
    std::ranges::copy(partial_, buffer.begin());
    const auto got =
        recv(fd_, buffer.data() + partial_.size(), buffer.size() - partial_.size(), MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && would_block();
    std::span<const uint8_t> left(buffer.data(), partial_.size() + static_cast<size_t>(got));
    while (left.size() >= kLength) {
        const size_t size = static_cast<size_t>(left[0]) << 8 | left[1];
        if (size > kMaxFrame)
            return false;
        if (left.size() < kLength + size)
            break;
        if (size > 0 && !on_frame(left.subspan(kLength, size)))
            return false;
        left = left.subspan(kLength + size);
    }
    partial_.assign(left.begin(), left.end());
    return true;
}

void TcpConnection::shut() {
    std::lock_guard lock(mutex_);
    shut_ = true;
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd_, nullptr);
    shutdown(fd_, SHUT_RDWR);
}

}  // namespace sluice::ice
