#include "ice/lite_network.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <openssl/rand.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include <glib.h>

#include "base/log.h"
#include "ice/addresses.h"

namespace sluice::ice {
namespace {

using namespace std::chrono_literals;

/// What epoll tells: the index of a UDP socket or of a listener, a connection's number, or the wake-up.
constexpr uint64_t kListener = uint64_t{1} << 32, kConnection = uint64_t{2} << 32, kWakeup = ~uint64_t{0};
/// Any free port of UDP may be taken for TCP.
constexpr int kTries = 16;
constexpr size_t kSmallest = 12;  ///< RTP's header; DTLS's is 13, RTCP with its tag longer still.
constexpr int kFirst = -20;       ///< Of all nice values.

/// Before the other threads, of which there are three for each connection. With no more of a busy machine
/// than one of them has, the sockets overflow: checks are lost with media, and connections end. Linux has a
/// nice value for each thread.
void go_first() {
    if (setpriority(PRIO_PROCESS, 0, kFirst) != 0)
        log::info("the network thread does not go before others: where CPU runs short, connections may end",
                  {{"error", g_strerror(errno)}});
}

void tell_small_buffers(const UdpSocket& socket) {
    const auto received = socket.receive_buffer(), sent = socket.send_buffer();
    if (std::min(received, sent) < UdpSocket::kBuffer)
        log::info("the buffers of UDP are small: where many packets come at once, some may be lost",
                  {{"receive_bytes", std::to_string(received)},
                   {"send_bytes", std::to_string(sent)},
                   {"wanted_bytes", std::to_string(UdpSocket::kBuffer)},
                   {"limits", "net.core.rmem_max, net.core.wmem_max"}});
}

}  // namespace

Result<std::unique_ptr<LiteNetwork>> LiteNetwork::bind(const Options& options) {
    const auto addresses = local_addresses(options);
    if (!addresses)
        return addresses.error();
    std::unique_ptr<LiteNetwork> self(new LiteNetwork(options));
    Status bound =
        Error{ErrorCode::InvalidArgument, "ice.port-min is greater than ice.port-max", "ice.port-min"};
    int tries = options.port_min == 0 ? kTries : 1;
    for (unsigned port = options.port_min; port <= options.port_max; port += --tries > 0 ? 0 : 1) {
        bound = self->open_sockets(*addresses, static_cast<uint16_t>(port));
        if (bound)
            break;
        self->close_sockets();
    }
    if (!bound)
        return bound.error();
    tell_small_buffers(self->sockets_.front());
    if (const auto started = self->start(); !started)
        return started.error();
    return self;
}

LiteNetwork::LiteNetwork(const Options& options)
    : options_(options),
      batch_(std::make_unique<DatagramBatch>()),
      tcp_(std::make_unique<TcpServer>(
          options.tcp_connections,
          TcpServer::Hooks{
              .on_frame = [this](const auto& connection,
                                 std::span<const uint8_t> frame) { return on_frame(connection, frame); },
              .on_closed =
                  [](const std::shared_ptr<TcpConnection>& connection) {
                      if (connection->peer)
                          connection->peer->on_lost({.remote = connection->remote(), .tcp = connection});
                  }})) {
    RAND_bytes(reinterpret_cast<unsigned char*>(&tie_breaker_), sizeof tie_breaker_);
}

/// All addresses on one port; port 0 is whatever the first one gets.
Status LiteNetwork::open_sockets(const std::vector<Endpoint>& addresses, uint16_t port) {
    for (const auto& address : addresses) {
        const auto local = *Endpoint::from(address.ip(), port);
        const auto refuse = [&](const std::string& why) {
            return Error{ErrorCode::Internal,
                         "ice.addresses: " + local.text() + " (port range " +
                             std::to_string(options_.port_min) + " to " + std::to_string(options_.port_max) +
                             "): " + why,
                         "ice.addresses"};
        };
        auto socket = UdpSocket::bind(local);
        if (!socket)
            return refuse(socket.error().message);
        sockets_.push_back(std::move(socket).value());
        port = sockets_.back().local().port();
        if (options_.tcp_connections == 0)
            continue;
        if (const auto listening = tcp_->listen(sockets_.back().local()); !listening)
            return refuse("TCP: " + listening.error().message);
    }
    return Ok{};
}

void LiteNetwork::close_sockets() {
    sockets_.clear();
    tcp_->stop_listening();
}

Status LiteNetwork::start() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const auto watch = [this](int fd, uint64_t what) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = what}};
        return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
    };
    bool watched = watch(wakeup_, kWakeup);
    for (size_t i = 0; i < sockets_.size(); i++) {
        watched = watched && watch(sockets_[i].fd(), i);
        candidates_.push_back(candidate(Transport::Udp, sockets_[i].local(), i, options_.announced_address));
    }
    for (size_t i = 0; i < sockets_.size() && options_.tcp_connections > 0; i++)
        candidates_.push_back(candidate(Transport::Tcp, sockets_[i].local(), i, options_.announced_address));
    if (!watched || !tcp_->start(epoll_, kListener, kConnection))
        return Error{ErrorCode::Internal,
                     std::string("the sockets of ICE cannot be watched: ") + g_strerror(errno)};
    reader_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "sluice-network");
        go_first();
        read_sockets();
    });
    control_.emplace([this] { tick(); });
    return Ok{};
}

LiteNetwork::~LiteNetwork() {
    stopping_ = true;
    if (reader_.joinable()) {
        eventfd_write(wakeup_, 1);
        reader_.join();
    }
    control_.reset();
    tcp_.reset();
    for (const int fd : {epoll_, wakeup_})
        if (fd >= 0)
            ::close(fd);
}

NetworkStats LiteNetwork::stats() const {
    uint64_t dropped = 0;
    for (const auto& socket : sockets_) dropped += socket.dropped();
    return {.datagrams_received = counters_.received,
            .datagrams_dropped = dropped,
            .datagrams_unknown = counters_.unknown,
            .stun_rejected = counters_.rejected,
            .datagrams_sent = counters_.sent,
            .datagrams_not_sent = counters_.not_sent,
            .peers = peers().size(),
            .tcp_connections = tcp_->connections(),
            .tcp_refused = tcp_->refused()};
}

void LiteNetwork::count_sent(uint64_t sent, uint64_t not_sent) {
    counters_.sent.fetch_add(sent, std::memory_order_relaxed);
    if (not_sent > 0)
        counters_.not_sent.fetch_add(not_sent, std::memory_order_relaxed);
}

std::shared_ptr<LitePeer> LiteNetwork::make_peer(std::function<void(PeerState)> on_state) {
    auto peer = std::make_shared<LitePeer>(*this, std::move(on_state));
    std::lock_guard lock(mutex_);
    by_ufrag_[peer->local().ufrag] = peer;
    return peer;
}

bool LiteNetwork::send(const Path& path, std::span<const uint8_t> datagram, IfFull if_full) {
    const bool left =
        path.tcp ? path.tcp->send(datagram, if_full) : sockets_[path.socket].send(path.remote, datagram);
    (left ? counters_.sent : counters_.not_sent).fetch_add(1, std::memory_order_relaxed);
    return left;
}

void LiteNetwork::rename(const std::string& retired, const std::string& fresh,
                         std::shared_ptr<LitePeer> peer) {
    std::lock_guard lock(mutex_);
    if (peer->state() == PeerState::Closed)  // meanwhile: forget() has passed, or will find it
        return;
    by_ufrag_.erase(retired);
    by_ufrag_[fresh] = std::move(peer);
}

void LiteNetwork::forget(const LitePeer& peer, const std::vector<std::string>& ufrags) {
    std::vector<std::shared_ptr<LitePeer>> last;  // the last reference must not go while the lock is held
    std::lock_guard lock(mutex_);
    for (const auto& ufrag : ufrags)
        if (const auto found = by_ufrag_.find(ufrag);
            found != by_ufrag_.end() && found->second.get() == &peer) {
            last.push_back(std::move(found->second));
            by_ufrag_.erase(found);
        }
}

void LiteNetwork::forget(const LitePeer& peer, std::vector<Path> paths) {
    if (paths.empty())
        return;
    {
        std::lock_guard lock(mutex_);
        for (auto& path : paths) forgotten_.emplace_back(&peer, std::move(path));
    }
    eventfd_write(wakeup_, 1);
}

void LiteNetwork::post(std::function<void()> task) {
    control_->post(std::move(task));
}

/// Each once, however many ufrags it has.
std::unordered_set<std::shared_ptr<LitePeer>> LiteNetwork::peers() const {
    std::unordered_set<std::shared_ptr<LitePeer>> peers;
    std::lock_guard lock(mutex_);
    for (const auto& [ufrag, peer] : by_ufrag_) peers.insert(peer);
    return peers;
}

void LiteNetwork::tick() {
    const auto now = Clock::now();
    for (const auto& peer : peers()) peer->on_tick(now);
}

void LiteNetwork::read_sockets() {
    std::array<epoll_event, 64> events{};
    int timeout = -1;
    while (!stopping_) {
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
        for (int i = 0; i < count; i++) {
            const auto& event = events[static_cast<size_t>(i)];
            const uint64_t what = event.data.u64;
            if (what == kWakeup)
                on_wakeup();
            else if (what >= kConnection)
                tcp_->on_connection(what, event.events);
            else if (what >= kListener)
                tcp_->on_listener(what - kListener);
            else
                read(what);
        }
        timeout = tcp_->expire(Clock::now());
    }
}

void LiteNetwork::on_wakeup() {
    eventfd_t count = 0;
    eventfd_read(wakeup_, &count);
    std::vector<std::pair<const LitePeer*, Path>> forgotten;
    {
        std::lock_guard lock(mutex_);
        forgotten.swap(forgotten_);
    }
    for (const auto& [peer, path] : forgotten) unroute(*peer, path);
}

void LiteNetwork::read(size_t socket) {
    const size_t count = batch_->receive(sockets_[socket]);
    counters_.received.fetch_add(count, std::memory_order_relaxed);
    Path path{.socket = socket};
    LitePeer* peer = nullptr;  // of the datagram before: most come in runs
    const Endpoint* peer_at = nullptr;
    for (size_t i = 0; i < count; i++) {
        const auto datagram = batch_->datagram(i);
        const auto& from = batch_->from(i);
        if (stun::claims_to_be(datagram)) {
            path.remote = from;
            on_stun(path, datagram);
            peer_at = nullptr;
            continue;
        }
        if (!peer_at || !(*peer_at == from)) {
            path.remote = from;
            const auto found = routes_.find(path);
            peer = found == routes_.end() ? nullptr : found->second.peer.get();
            peer_at = &from;
        }
        if (peer && datagram.size() >= kSmallest)
            peer->on_datagram(datagram);
        else
            counters_.unknown.fetch_add(1, std::memory_order_relaxed);
    }
}

bool LiteNetwork::on_frame(const std::shared_ptr<TcpConnection>& connection, std::span<const uint8_t> frame) {
    counters_.received.fetch_add(1, std::memory_order_relaxed);
    if (stun::claims_to_be(frame)) {
        on_stun({.remote = connection->remote(), .tcp = connection}, frame);
        return true;
    }
    if (connection->peer && frame.size() >= kSmallest) {
        connection->peer->on_datagram(frame);
        return true;
    }
    counters_.unknown.fetch_add(1, std::memory_order_relaxed);
    return connection->peer != nullptr;  // a stranger begins with a check
}

void LiteNetwork::on_stun(const Path& path, std::span<const uint8_t> datagram) {
    const auto message = stun::parse(datagram);
    if (message && message->type == stun::Type::Request)
        on_check(path, *message);
    else if (message && message->type == stun::Type::Success)
        on_check_answered(path, *message);
    else if (!message)
        counters_.rejected.fetch_add(1, std::memory_order_relaxed);
}

void LiteNetwork::on_check(const Path& path, const stun::Message& message) {
    using Answer = LitePeer::Verdict::Answer;
    std::shared_ptr<LitePeer> peer;
    {
        const auto ufrag = message.username.substr(0, message.username.find(':'));
        std::lock_guard lock(mutex_);
        if (const auto found = by_ufrag_.find(ufrag); found != by_ufrag_.end())
            peer = found->second;
    }
    const bool others = path.tcp && path.tcp->peer && path.tcp->peer != peer;
    const auto verdict = peer && !others ? peer->on_check(message, path) : LitePeer::Verdict{};
    switch (verdict.answer) {
        case Answer::None:  // silence: nothing to amplify, nothing to learn
            counters_.rejected.fetch_add(1, std::memory_order_relaxed);
            return;
        case Answer::RoleConflict: {
            stun::Writer writer(stun::Type::Error, message.transaction);
            writer.error(stun::ErrorNumber::RoleConflict, "Role Conflict");
            send(path, writer.finish(verdict.password), IfFull::Wait);
            return;
        }
        case Answer::UnknownAttribute: {
            stun::Writer writer(stun::Type::Error, message.transaction);
            writer.error(stun::ErrorNumber::UnknownAttribute, "Unknown Attribute");
            writer.unknown_attribute(message.unknown_attribute);
            send(path, writer.finish(verdict.password), IfFull::Wait);
            return;
        }
        case Answer::Success:
            break;
    }
    if (verdict.forgotten)
        unroute(*peer, *verdict.forgotten);
    route(path, peer);
    if (!verdict.retired.empty())
        forget(*peer, verdict.retired);
    stun::Writer writer(stun::Type::Success, message.transaction);
    writer.xor_mapped_address(path.remote);
    send(path, writer.finish(verdict.password), IfFull::Wait);
    if (verdict.connected)
        peer->enter(PeerState::Connected);
}

/// A path that another peer lives on changes hands only when its end has answered the new one's check: else
/// whoever can fake an address could cut off who is there.
void LiteNetwork::route(const Path& path, const std::shared_ptr<LitePeer>& peer) {
    if (path.tcp) {
        if (!path.tcp->peer)
            tcp_->authenticated(path.tcp, peer);
        return;
    }
    auto& route = routes_[path];
    if (route.peer == peer)
        return;
    if (!route.peer || route.peer->state() == PeerState::Closed || route.peer->state() == PeerState::Failed) {
        route = {peer, {}};
    } else {
        route.claimant = peer;
        peer->prove(path);
    }
}

void LiteNetwork::on_check_answered(const Path& path, const stun::Message& message) {
    if (path.tcp) {
        if (path.tcp->peer)
            path.tcp->peer->on_check_answered(message, path);
        return;
    }
    const auto found = routes_.find(path);
    if (found == routes_.end())
        return;
    auto& route = found->second;
    if (route.peer->on_check_answered(message, path))
        return;
    const auto claimant = route.claimant.lock();
    if (claimant && claimant->on_check_answered(message, path)) {
        route.peer->on_lost(path);
        route = {claimant, {}};
    }
}

void LiteNetwork::unroute(const LitePeer& peer, const Path& path) {
    if (path.tcp) {
        if (path.tcp->peer.get() == &peer)
            tcp_->close(path.tcp);
        return;
    }
    const auto found = routes_.find(path);
    if (found == routes_.end() || found->second.peer.get() != &peer)
        return;
    if (const auto claimant = found->second.claimant.lock();
        claimant && claimant.get() != &peer && claimant->knows(path))
        found->second = {claimant, {}};
    else
        routes_.erase(found);
}

}  // namespace sluice::ice
