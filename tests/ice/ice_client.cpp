#include "ice/ice_client.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <glib.h>

namespace sluice::ice::test {
namespace {

constexpr size_t kLength = 2;

bool is_readable(int fd, std::chrono::milliseconds limit) {
    pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&watched, 1, static_cast<int>(limit.count())) == 1;
}

}  // namespace

IceClient::IceClient(const Endpoint& server, Transport transport, const std::string& ip)
    : transport_(transport),
      fd_(socket(server.is_v6() ? AF_INET6 : AF_INET,
                 (transport == Transport::Udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0)),
      local_(*Endpoint::from(ip, 0)) {
    socklen_t size = Endpoint::kCapacity;
    if (fd_ < 0 || bind(fd_, local_.get(), local_.size()) < 0 ||
        connect(fd_, server.get(), server.size()) < 0 || getsockname(fd_, local_.get(), &size) < 0)
        g_error("a client cannot reach %s: %s", server.text().c_str(), g_strerror(errno));
}

IceClient::~IceClient() {
    close(fd_);
}

StunText IceClient::check(const Credentials& server, const TransactionId& id, bool nominate, uint16_t role,
                          uint32_t priority) {
    StunText text(Request, id);
    text.attribute(Username, server.ufrag + ":" + credentials().ufrag);
    text.attribute(role, Packet{1, 2, 3, 4, 5, 6, 7, 8});
    if (nominate)
        text.attribute(UseCandidate);
    text.attribute(Priority, peer::Writer().u32(priority).take());
    return text;
}

void IceClient::send(Bytes datagram) {
    if (transport_ == Transport::Udp)
        return send_raw(datagram);
    send_raw(peer::Writer().u16(static_cast<uint32_t>(datagram.size())).bytes(datagram).take());
}

void IceClient::send_raw(Bytes bytes) {
    (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

bool IceClient::fill(size_t size, std::chrono::milliseconds limit) {
    while (stream_.size() < size) {
        uint8_t bytes[4096];
        if (!is_readable(fd_, limit))
            return false;
        const auto got = recv(fd_, bytes, sizeof bytes, 0);
        if (got <= 0)
            return false;
        stream_.insert(stream_.end(), bytes, bytes + got);
    }
    return true;
}

std::optional<Packet> IceClient::receive(std::chrono::milliseconds limit) {
    if (transport_ == Transport::Udp) {
        Packet datagram(2048);
        if (!is_readable(fd_, limit))
            return std::nullopt;
        const auto got = recv(fd_, datagram.data(), datagram.size(), 0);
        if (got < 0)
            return std::nullopt;
        datagram.resize(static_cast<size_t>(got));
        return datagram;
    }
    if (!fill(kLength, limit) || !fill(kLength + peer::get16(stream_.data()), limit))
        return std::nullopt;
    const auto end = stream_.begin() + static_cast<std::ptrdiff_t>(kLength + peer::get16(stream_.data()));
    Packet frame(stream_.begin() + kLength, end);
    stream_.erase(stream_.begin(), end);
    return frame;
}

bool IceClient::is_closed_by_server() {
    while (is_readable(fd_, std::chrono::seconds(20))) {
        uint8_t bytes[4096];
        if (recv(fd_, bytes, sizeof bytes, 0) <= 0)
            return true;
    }
    return false;
}

std::optional<Packet> IceClient::receive_but_checks() {
    while (auto got = receive()) {
        if (type_of(*got) != Request)
            return got;
        check_ = std::move(got);
    }
    return std::nullopt;
}

bool IceClient::check_succeeds(const Credentials& server, bool nominate) {
    const auto id = random_transaction();
    send(whole_check(server, id, nominate));
    const auto answer = receive_but_checks();
    return answer && type_of(*answer) == Success && transaction_of(*answer) == id;
}

bool IceClient::answers_a_check(const Credentials& server) {
    auto check = std::exchange(check_, std::nullopt);
    while (!check || type_of(*check) != Request)
        if (!(check = receive()))
            return false;
    const auto user = value_of(*check, Username);
    if (std::string(user.begin(), user.end()) != credentials().ufrag + ":" + server.ufrag)
        return false;
    send(answer_to(*check));
    return true;
}

Packet IceClient::answer_to(Bytes check, const Endpoint& from) {
    return StunText(Success, transaction_of(check))
        .attribute(XorMappedAddress, xored(from))
        .integrity(credentials().pwd)
        .fingerprint()
        .take();
}

}  // namespace sluice::ice::test
