#include "ice/outbox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/udp.h>

namespace sluice::ice {

struct Outbox::Message {
    const Destination* to = nullptr;
    size_t segment = 0;  ///< Bytes of each datagram but the last.
    size_t datagrams = 0;
    iovec bytes{};
    alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(uint16_t))> control{};
};

struct Outbox::Store {
    std::array<uint8_t, kArena> arena;
    std::array<Message, kDatagrams> messages;
    std::array<mmsghdr, kDatagrams> headers;
};

Outbox::Outbox(Network& network) : network_(network) {}

Outbox::~Outbox() = default;

std::span<uint8_t> Outbox::room() {
    if (!store_)
        store_ = std::make_unique<Store>();
    if (messages_ == kDatagrams || kArena - used_ < kBytes)
        flush();
    return {store_->arena.data() + used_, kBytes};
}

/// One message has one size, but for a last one that may be shorter.
bool Outbox::extends_last(const Destination& to, size_t size) const {
    if (messages_ == 0 || !segments_)
        return false;
    const auto& last = store_->messages[messages_ - 1];
    return last.to == &to && size <= last.segment && last.bytes.iov_len == last.segment * last.datagrams &&
           last.bytes.iov_len + size <= kSegmented && last.datagrams < kSegments;
}

void Outbox::add(const Destination& to, size_t size) {
    if (extends_last(to, size)) {
        auto& last = store_->messages[messages_ - 1];
        last.bytes.iov_len += size;
        last.datagrams++;
    } else {
        auto& message = store_->messages[messages_++];
        message.to = &to;
        message.segment = size;
        message.datagrams = 1;
        message.bytes = {store_->arena.data() + used_, size};
    }
    used_ += size;
}

void Outbox::flush() {
    for (size_t first = 0; first < messages_;) {
        size_t end = first + 1;
        while (end < messages_ && store_->messages[end].to->fd == store_->messages[first].to->fd) end++;
        first += send(first, end);
    }
    used_ = messages_ = 0;
}

/// One system call for messages of one socket; how many of them are done with.
size_t Outbox::send(size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        auto& message = store_->messages[i];
        auto& header = store_->headers[i].msg_hdr;
        header = {};
        header.msg_name = const_cast<sockaddr*>(message.to->remote.get());
        header.msg_namelen = message.to->remote.size();
        header.msg_iov = &message.bytes;
        header.msg_iovlen = 1;
        if (message.datagrams == 1)
            continue;
        header.msg_control = message.control.data();
        header.msg_controllen = message.control.size();
        cmsghdr* control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_UDP;
        control->cmsg_type = UDP_SEGMENT;
        control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        const auto segment = static_cast<uint16_t>(message.segment);
        memcpy(CMSG_DATA(control), &segment, sizeof segment);
    }
    const int result = sendmmsg(store_->messages[first].to->fd, &store_->headers[first],
                                static_cast<unsigned>(end - first), MSG_DONTWAIT | MSG_NOSIGNAL);
    const size_t accepted = result > 0 ? static_cast<size_t>(result) : 0;
    uint64_t sent = 0, not_sent = 0;
    for (size_t i = first; i < first + accepted; i++) sent += store_->messages[i].datagrams;
    size_t done = accepted;
    if (first + accepted < end) {
        // The first that the system refuses: those behind it are tried again by another call. EMSGSIZE, or
        // EINVAL before Linux's 235174b2bed8: this peer's path takes no datagrams of that size but in
        // fragments, and segments are not cut into those.
        const auto& refused = store_->messages[first + accepted];
        const bool no_segments = errno == EIO;
        const bool unsegmented =
            refused.datagrams > 1 && (no_segments || errno == EMSGSIZE || errno == EINVAL);
        if (accepted == 0) {
            const size_t apart = unsegmented ? send_apart(refused) : 0;
            segments_ = segments_ && !no_segments;
            sent += apart;
            not_sent += refused.datagrams - apart;
            done++;
        }
    }
    network_.count_sent(sent, not_sent);
    return done;
}

/// Without UDP_SEGMENT.
size_t Outbox::send_apart(const Message& message) {
    size_t sent = 0;
    const auto* bytes = static_cast<const uint8_t*>(message.bytes.iov_base);
    for (size_t at = 0; at < message.bytes.iov_len; at += message.segment) {
        const auto size = std::min(message.segment, message.bytes.iov_len - at);
        sent += sendto(message.to->fd, bytes + at, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                       message.to->remote.get(), message.to->remote.size()) >= 0;
    }
    return sent;
}

}  // namespace sluice::ice
