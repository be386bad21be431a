#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/result.h"
#include "ice/endpoint.h"

namespace sluice::ice {

/// A bound UDP socket that never blocks. Moves; closes with the last owner.
class UdpSocket {
public:
    static constexpr size_t kBuffer = 8 << 20;  ///< What it asks the system for, to receive and to send.

    /// Port 0: any free one. An error is the call and the system's reason.
    static Result<UdpSocket> bind(const Endpoint& local);
    UdpSocket(UdpSocket&& other) noexcept;
    UdpSocket& operator=(UdpSocket&& other) noexcept;
    ~UdpSocket();

    int fd() const { return fd_; }
    const Endpoint& local() const { return local_; }  ///< With the port it got.
    /// Any thread. False: the socket is full, or the system refused.
    bool send(const Endpoint& to, std::span<const uint8_t> datagram) const;
    /// Datagrams that came and that the kernel dropped, most since nobody had read those before them. Wraps;
    /// any thread.
    uint32_t dropped() const;
    /// Bytes that the system has given of kBuffer.
    size_t receive_buffer() const;
    size_t send_buffer() const;

private:
    explicit UdpSocket(int fd) : fd_(fd) {}

    int fd_ = -1;
    Endpoint local_;
};

/// Room for what one recvmmsg() takes in: too much for a stack.
class DatagramBatch {
public:
    static constexpr size_t kDatagrams = 64, kBytes = 2048;

    /// How many came.
    size_t receive(const UdpSocket& socket);
    /// Empty: it was longer than kBytes.
    std::span<const uint8_t> datagram(size_t i) const;
    const Endpoint& from(size_t i) const { return from_[i]; }

private:
    std::array<std::array<uint8_t, kBytes>, kDatagrams> bytes_;
    std::array<iovec, kDatagrams> parts_;
    std::array<Endpoint, kDatagrams> from_;
    std::array<mmsghdr, kDatagrams> headers_;
};

}  // namespace sluice::ice
