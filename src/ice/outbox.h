#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/socket.h>

#include "ice/network.h"

namespace sluice::ice {

/// Datagrams for many peers on their way to the sockets, by as few system calls as they need: one for all
/// that wait, and one message for those of one peer that follow each other and are of one size (UDP_SEGMENT).
/// Nothing waits here: whoever fills it flushes it before it waits for more. One thread at a time.
class Outbox {
public:
    static constexpr size_t kBytes = 2048;  ///< Of the largest datagram.

    explicit Outbox(Network& network);
    ~Outbox();
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    /// Room for one datagram of up to kBytes. May flush.
    std::span<uint8_t> room();
    /// The first `size` bytes of room() leave by `to`, which is UDP and stays where it is until flush().
    void add(const Destination& to, size_t size);
    void flush();

private:
    static constexpr size_t kDatagrams = 64;
    static constexpr size_t kArena = 64 * 1024;
    /// What one message with UDP_SEGMENT may carry: an IPv4 datagram's bytes without its headers.
    static constexpr size_t kSegmented = 65535 - 20 - 8;
    static constexpr size_t kSegments = 64;  ///< The kernel's UDP_MAX_SEGMENTS (128 since Linux 6.9).

    struct Message;
    struct Store;
    bool extends_last(const Destination& to, size_t size) const;
    size_t send(size_t first, size_t end);
    size_t send_apart(const Message& message);

    Network& network_;
    std::unique_ptr<Store> store_;  ///< There once it is needed.
    size_t used_ = 0;               ///< Bytes of the arena.
    size_t messages_ = 0;
    bool segments_ = true;  ///< false: a device without checksum offload has refused.
};

}  // namespace sluice::ice
