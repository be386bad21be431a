#include "ice/lite_network.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <openssl/rand.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

#include <glib.h>

#include "ice/addresses.h"

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;

constexpr int kSocketBuffer = 8 << 20;
constexpr uint64_t kWakeup = ~uint64_t{0};
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

/// A burst of a large frame to many consumers, and a moment in which nobody reads, must fit. The *FORCE
/// options need CAP_NET_ADMIN and pass net.core.*mem_max; without it the system's limit holds
/// (docs/operations.md).
void enlarge_buffers(int fd) {
    const int size = kSocketBuffer;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

}  // namespace

struct LiteNetwork::Batch {
    static constexpr size_t kDatagrams = 64, kBytes = 2048;
    std::array<std::array<uint8_t, kBytes>, kDatagrams> bytes;
    std::array<iovec, kDatagrams> parts;
    std::array<Endpoint, kDatagrams> from;
    std::array<mmsghdr, kDatagrams> headers;
};

Result<std::unique_ptr<Network>> Network::open(const Options& options) {
    auto network = LiteNetwork::bind(options);
    if (!network)
        return network.error();
    return std::unique_ptr<Network>(std::move(network).value());
}

Result<std::unique_ptr<LiteNetwork>> LiteNetwork::bind(const Options& options) {
    const auto addresses = local_addresses(options);
    if (!addresses)
        return addresses.error();
    if (!options.announced_address.empty() && !Endpoint::from(options.announced_address, 0))
        return Error{ErrorCode::InvalidArgument,
                     "\"" + options.announced_address + "\" is not an IPv4 or IPv6 address",
                     "ice.announced-address"};
    std::unique_ptr<LiteNetwork> self(new LiteNetwork(options));
    Status bound =
        Error{ErrorCode::InvalidArgument, "ice.port-min is greater than ice.port-max", "ice.port-min"};
    for (unsigned port = options.port_min; port <= options.port_max; port++) {
        bound = self->open_sockets(*addresses, static_cast<uint16_t>(port));
        if (bound)
            break;
        self->close_sockets();
    }
    if (!bound)
        return bound.error();
    self->start();
    return self;
}

LiteNetwork::LiteNetwork(const Options& options) : options_(options), batch_(std::make_unique<Batch>()) {
    RAND_bytes(reinterpret_cast<unsigned char*>(&tie_breaker_), sizeof tie_breaker_);
}

/// All addresses on one port; port 0 is whatever the first one gets.
Status LiteNetwork::open_sockets(std::vector<Endpoint> addresses, uint16_t port) {
    for (const auto& address : addresses) {
        auto local = *Endpoint::from(address.ip(), port);
        const auto refuse = [&](const char* call) {
            return Error{ErrorCode::Internal,
                         "ice.addresses: " + local.text() + " (port range " +
                             std::to_string(options_.port_min) + " to " + std::to_string(options_.port_max) +
                             "): " + call + ": " + g_strerror(errno),
                         "ice.addresses"};
        };
        const int fd =
            socket(local.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return refuse("socket");
        sockets_.push_back({fd, local});
        enlarge_buffers(fd);
        if (local.is_v6()) {
            const int only = 1;
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
        }
        if (::bind(fd, local.get(), local.size()) != 0)
            return refuse("bind");
        socklen_t size = local.size();
        getsockname(fd, local.get(), &size);
        sockets_.back().local = local;
        port = local.port();
    }
    return Ok{};
}

void LiteNetwork::close_sockets() {
    for (const auto& socket : std::exchange(sockets_, {})) ::close(socket.fd);
}

void LiteNetwork::start() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const auto watch = [this](int fd, uint64_t what) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = what}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    };
    watch(wakeup_, kWakeup);
    for (size_t i = 0; i < sockets_.size(); i++) {
        watch(sockets_[i].fd, i);
        candidates_.push_back(candidate(sockets_[i].local, i, options_.announced_address));
    }
    reader_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "sluice-network");
        read_sockets();
    });
    control_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "sluice-ice");
        keep_time();
    });
}

LiteNetwork::~LiteNetwork() {
    stopping_ = true;
    if (reader_.joinable()) {
        eventfd_write(wakeup_, 1);
        {
            std::lock_guard lock(control_mutex_);
            control_wakeup_.notify_all();
        }
        reader_.join();
        control_.join();
    }
    close_sockets();
    for (const int fd : {epoll_, wakeup_})
        if (fd >= 0)
            ::close(fd);
}

NetworkStats LiteNetwork::stats() const {
    std::lock_guard lock(mutex_);
    return {.datagrams_received = counters_.received,
            .datagrams_unknown = counters_.unknown,
            .stun_rejected = counters_.rejected,
            .datagrams_sent = counters_.sent,
            .datagrams_not_sent = counters_.not_sent,
            .peers = by_ufrag_.size()};
}

std::shared_ptr<LitePeer> LiteNetwork::make_peer(std::function<void(PeerState)> on_state) {
    auto peer = std::make_shared<LitePeer>(*this, std::move(on_state));
    std::lock_guard lock(mutex_);
    by_ufrag_[peer->local().ufrag] = peer;
    return peer;
}

bool LiteNetwork::send(size_t socket, const Endpoint& to, std::span<const uint8_t> datagram) {
    const bool left =
        sendto(sockets_[socket].fd, datagram.data(), datagram.size(), kSendFlags, to.get(), to.size()) >= 0;
    (left ? counters_.sent : counters_.not_sent).fetch_add(1, std::memory_order_relaxed);
    return left;
}

void LiteNetwork::rename(const std::string& retired, const std::string& fresh,
                         std::shared_ptr<LitePeer> peer) {
    std::lock_guard lock(mutex_);
    by_ufrag_.erase(retired);
    by_ufrag_[fresh] = std::move(peer);
}

void LiteNetwork::forget(const LitePeer& peer, std::initializer_list<std::string> ufrags) {
    std::vector<std::shared_ptr<LitePeer>> last;  // the last reference must not go while the lock is held
    std::lock_guard lock(mutex_);
    for (const auto& ufrag : ufrags)
        if (const auto found = by_ufrag_.find(ufrag);
            found != by_ufrag_.end() && found->second.get() == &peer) {
            last.push_back(std::move(found->second));
            by_ufrag_.erase(found);
        }
}

void LiteNetwork::forget(const LitePeer& peer, const Endpoint& remote) {
    std::shared_ptr<LitePeer> last;
    std::lock_guard lock(mutex_);
    if (const auto found = by_remote_.find(remote);
        found != by_remote_.end() && found->second.get() == &peer) {
        last = std::move(found->second);
        by_remote_.erase(found);
    }
}

void LiteNetwork::post(std::function<void()> task) {
    std::lock_guard lock(control_mutex_);
    control_tasks_.push_back(std::move(task));
    control_wakeup_.notify_one();
}

void LiteNetwork::keep_time() {
    auto next_tick = Clock::now() + 1s;
    std::unique_lock lock(control_mutex_);
    while (!stopping_) {
        control_wakeup_.wait_until(lock, next_tick, [this] { return stopping_ || !control_tasks_.empty(); });
        while (!control_tasks_.empty()) {
            const auto task = std::move(control_tasks_.front());
            control_tasks_.pop_front();
            lock.unlock();
            task();
            lock.lock();
        }
        if (Clock::now() >= next_tick) {
            lock.unlock();
            tick();
            lock.lock();
            next_tick = Clock::now() + 1s;
        }
    }
}

void LiteNetwork::tick() {
    std::vector<std::shared_ptr<LitePeer>> peers;
    {
        std::lock_guard lock(mutex_);
        for (const auto& [ufrag, peer] : by_ufrag_) peers.push_back(peer);
    }
    const auto now = Clock::now();
    for (const auto& peer : peers) peer->on_tick(now, options_.consent_timeout);
}

void LiteNetwork::read_sockets() {
    std::array<epoll_event, 8> events{};
    while (!stopping_) {
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; i++)
            if (const auto what = events[static_cast<size_t>(i)].data.u64; what != kWakeup)
                read(static_cast<size_t>(what));
    }
}

void LiteNetwork::read(size_t socket) {
    auto& batch = *batch_;
    for (size_t i = 0; i < Batch::kDatagrams; i++) {
        batch.parts[i] = {batch.bytes[i].data(), Batch::kBytes};
        batch.headers[i] = {};
        auto& header = batch.headers[i].msg_hdr;
        header.msg_name = batch.from[i].get();
        header.msg_namelen = Endpoint::kCapacity;
        header.msg_iov = &batch.parts[i];
        header.msg_iovlen = 1;
    }
    const int count =
        recvmmsg(sockets_[socket].fd, batch.headers.data(), Batch::kDatagrams, MSG_DONTWAIT, nullptr);
    if (count <= 0)
        return;
    counters_.received.fetch_add(static_cast<uint64_t>(count), std::memory_order_relaxed);
    std::shared_ptr<LitePeer> peer;  // of the datagram before: most come in runs
    const Endpoint* peer_at = nullptr;
    for (size_t i = 0; i < static_cast<size_t>(count); i++) {
        const std::span<const uint8_t> datagram(batch.bytes[i].data(), batch.headers[i].msg_len);
        if (batch.headers[i].msg_hdr.msg_flags & MSG_TRUNC)
            continue;
        const auto& from = batch.from[i];
        if (stun::claims_to_be(datagram)) {
            on_stun(socket, from, datagram);
            peer_at = nullptr;
            continue;
        }
        if (!peer_at || !(*peer_at == from)) {
            peer = at(from);
            peer_at = &from;
        }
        if (peer && datagram.size() >= 12)
            peer->on_datagram({socket, from}, datagram);
        else
            counters_.unknown.fetch_add(1, std::memory_order_relaxed);
    }
}

std::shared_ptr<LitePeer> LiteNetwork::at(const Endpoint& remote) const {
    std::lock_guard lock(mutex_);
    const auto found = by_remote_.find(remote);
    return found == by_remote_.end() ? nullptr : found->second;
}

void LiteNetwork::on_stun(size_t socket, const Endpoint& from, std::span<const uint8_t> datagram) {
    const auto message = stun::parse(datagram);
    if (!message) {
        counters_.rejected++;
        return;
    }
    if (message->type == stun::Type::Request)
        return on_check(socket, from, *message);
    if (const auto peer = at(from); peer && message->type == stun::Type::Success)
        peer->on_check_answered(*message, {socket, from});
}

void LiteNetwork::on_check(size_t socket, const Endpoint& from, const stun::Message& message) {
    using Answer = LitePeer::Verdict::Answer;
    std::shared_ptr<LitePeer> peer;
    {
        const std::string ufrag(message.username.substr(0, message.username.find(':')));
        std::lock_guard lock(mutex_);
        if (const auto found = by_ufrag_.find(ufrag); found != by_ufrag_.end())
            peer = found->second;
    }
    const auto verdict = peer ? peer->on_check(message, {socket, from}) : LitePeer::Verdict{};
    switch (verdict.answer) {
        case Answer::None:  // silence: nothing to amplify, nothing to learn
            counters_.rejected++;
            return;
        case Answer::RoleConflict: {
            stun::Writer writer(stun::Type::Error, message.transaction);
            writer.error(stun::ErrorNumber::RoleConflict, "Role Conflict");
            send(socket, from, writer.finish(verdict.password));
            return;
        }
        case Answer::UnknownAttribute: {
            stun::Writer writer(stun::Type::Error, message.transaction);
            writer.error(stun::ErrorNumber::UnknownAttribute, "Unknown Attribute");
            writer.unknown_attribute(message.unknown_attribute);
            send(socket, from, writer.finish(verdict.password));
            return;
        }
        case Answer::Success:
            break;
    }
    if (verdict.forgotten)
        forget(*peer, *verdict.forgotten);
    if (verdict.proven) {
        {
            std::lock_guard lock(mutex_);
            by_remote_[from] = peer;
        }
        if (peer->state() == PeerState::Closed)  // meanwhile
            return forget(*peer, from);
    }
    if (!verdict.retired.empty())
        forget(*peer, {verdict.retired});
    stun::Writer writer(stun::Type::Success, message.transaction);
    writer.xor_mapped_address(from);
    send(socket, from, writer.finish(verdict.password));
    if (verdict.connected)
        peer->enter(PeerState::Connected);
}

}  // namespace sluice::ice
