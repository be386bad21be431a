#include "ice/tcp_server.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include <glib.h>

namespace sluice::ice {
namespace {

constexpr int kBacklog = 256;
/// Of one listener, before others have their turn.
constexpr int kAcceptsAtOnce = 64;
constexpr std::chrono::milliseconds kExpiryInterval{1000};

/// Authentic connections have their descriptors counted by limits.connections.
constexpr size_t kDescriptorsPerStranger = 32;

size_t descriptors() {
    rlimit limit{};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

int spare_descriptor() {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

TcpServer::~TcpServer() {
    stop_listening();
    for (const auto& [tag, connection] : connections_) {
        connection->shut();
        connection->peer.reset();
    }
    if (spare_ >= 0)
        ::close(spare_);
}

Status TcpServer::listen(const Endpoint& local) {
    const auto refuse = [](const char* call) {
        return Error{ErrorCode::Internal, std::string(call) + ": " + g_strerror(errno)};
    };
    const int fd =
        socket(local.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return refuse("socket");
    listeners_.push_back(fd);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // of a server that has just ended
    if (local.is_v6())
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(fd, local.get(), local.size()) != 0)
        return refuse("bind");
    if (::listen(fd, kBacklog) != 0)
        return refuse("listen");
    return Ok{};
}

void TcpServer::stop_listening() {
    for (const int fd : std::exchange(listeners_, {})) ::close(fd);
}

bool TcpServer::start(int epoll, uint64_t listener_tag, uint64_t connection_tag) {
    epoll_ = epoll;
    next_tag_ = connection_tag;
    spare_ = spare_descriptor();
    most_strange_ = std::max<size_t>(std::min(most_ / 2, descriptors() / kDescriptorsPerStranger), 1);
    buffer_.resize(listeners_.empty() ? 0 : TcpConnection::kBuffer);
    for (size_t i = 0; i < listeners_.size(); i++) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = listener_tag + i}};
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, listeners_[i], &event) != 0)
            return false;
    }
    return true;
}

void TcpServer::on_listener(size_t index) {
    if (spare_ < 0)  // another thread was quicker to take it
        spare_ = spare_descriptor();
    for (int i = 0; i < kAcceptsAtOnce; i++) {
        Endpoint remote;
        socklen_t size = Endpoint::kCapacity;
        const int fd = accept4(listeners_[index], remote.get(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept(fd, remote);
        } else if ((errno == EMFILE || errno == ENFILE) && spare_ >= 0) {
            // It would stay in the backlog, and the listener readable for ever.
            ::close(spare_);
            const int refused = accept4(listeners_[index], nullptr, nullptr, SOCK_CLOEXEC);
            if (refused >= 0)
                ::close(refused);
            spare_ = spare_descriptor();
            if (refused < 0)
                return;
            refused_.fetch_add(1, std::memory_order_relaxed);
        } else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

void TcpServer::accept(int fd, const Endpoint& remote) {
    const auto source = source_of(remote);
    const auto found = strangers_.find(source);
    const bool many_of_source = found != strangers_.end() && found->second >= kStrangersPerSource;
    const bool full = connections_.size() >= most_;
    if (many_of_source || (full && strange_ == 0)) {
        ::close(fd);
        refused_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    if (full || strange_ >= most_strange_) {
        close_oldest_stranger();
        refused_.fetch_add(1, std::memory_order_relaxed);
    }
    const auto tag = next_tag_++;
    connections_[tag] = std::make_shared<TcpConnection>(fd, remote, epoll_, tag);
    strangers_[source]++;
    strange_++;
    count_.store(connections_.size(), std::memory_order_relaxed);
}

void TcpServer::close_oldest_stranger() {
    const auto oldest =
        std::ranges::find_if(connections_, [](const auto& entry) { return !entry.second->peer; });
    close(std::shared_ptr(oldest->second));
}

std::string TcpServer::source_of(const Endpoint& remote) {
    auto address = remote.address_bytes();
    address = address.first(std::min<size_t>(address.size(), 8));
    return {reinterpret_cast<const char*>(address.data()), address.size()};
}

void TcpServer::on_connection(uint64_t tag, uint32_t events) {
    const auto found = connections_.find(tag);
    if (found == connections_.end())
        return;
    const auto connection = found->second;
    bool lives = true;
    if (events & EPOLLOUT)
        lives = connection->flush();
    if (lives && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        lives = connection->read(buffer_, [&](std::span<const uint8_t> frame) {
            if (!hooks_.on_frame(connection, frame))
                return false;
            return connection->peer || ++connection->strange_frames < kStrangeFrames;
        });
    if (!lives)
        close(connection);
}

void TcpServer::no_longer_strange(const TcpConnection& connection) {
    const auto found = strangers_.find(source_of(connection.remote()));
    if (--found->second == 0)
        strangers_.erase(found);
    strange_--;
}

void TcpServer::authenticated(const std::shared_ptr<TcpConnection>& connection,
                              std::shared_ptr<LitePeer> peer) {
    no_longer_strange(*connection);
    connection->peer = std::move(peer);
}

void TcpServer::close(const std::shared_ptr<TcpConnection>& connection) {
    if (connections_.erase(connection->tag()) == 0)
        return;
    count_.store(connections_.size(), std::memory_order_relaxed);
    if (!connection->peer)
        no_longer_strange(*connection);
    connection->shut();
    hooks_.on_closed(connection);
    connection->peer.reset();
}

int TcpServer::expire(Clock::time_point now) {
    if (strange_ > 0 && now >= next_expiry_) {
        next_expiry_ = now + kExpiryInterval;
        std::vector<std::shared_ptr<TcpConnection>> expired;
        for (const auto& [tag, connection] : connections_)
            if (!connection->peer && now - connection->accepted > kHandshake)
                expired.push_back(connection);
        for (const auto& connection : expired) close(connection);
    }
    return strange_ > 0 ? static_cast<int>(kExpiryInterval.count()) : -1;
}

}  // namespace sluice::ice
