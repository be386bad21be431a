#pragma once

#include <cstdint>
#include <functional>
#include <netinet/in.h>
#include <span>
#include <string>

#include "peer/bytes.h"
#include "peer/loop.h"

namespace sluice::peer {

in_addr loopback();  ///< 127.0.0.1
std::string to_text(in_addr address);

/// A UDP socket on a port of the system's choice.
class UdpSocket {
public:
    /// `at` is when the kernel took the datagram in: this process being slow to read does not count.
    /// The octets may be changed and last as long as the call.
    using Received = std::function<void(std::span<uint8_t> datagram, const sockaddr_in& from, Time at)>;

    UdpSocket(Loop& loop, Received received, in_addr address = loopback());
    ~UdpSocket();
    UdpSocket(const UdpSocket&) = delete;
    UdpSocket& operator=(const UdpSocket&) = delete;

    uint16_t port() const { return port_; }
    /// Datagrams that did not fit into its buffer, since this process was too slow to read it.
    uint32_t overflowed() const { return overflowed_; }
    void send(Bytes datagram, const sockaddr_in& to);
    /// The socket stays open and its buffer fills up.
    void stop_reading();
    /// From now on the kernel answers the other side with ICMP "port unreachable".
    void close();

private:
    void read();

    Loop& loop_;
    Received received_;
    int fd_;
    uint16_t port_ = 0;
    bool reading_ = true;
    uint32_t overflowed_ = 0;
};

}  // namespace sluice::peer
