#include "peer/ice_transport.h"

#include <algorithm>

#include "peer/random.h"

namespace sluice::peer {

using namespace std::chrono_literals;

namespace {

constexpr Time kCheckInterval = 50ms;
constexpr Time kConsentInterval = 2500ms;
/// Without a response for so long the other side has gone; libwebrtc waits as long before "failed".
constexpr Time kSilenceLimit = 15s;

}  // namespace

IceTransport::IceTransport(Loop& loop, Events events, in_addr address)
    : socket_(
          loop, [this](auto datagram, const auto& from, Time at) { receive(datagram, from, at); }, address),
      events_(std::move(events)),
      check_timer_(loop, [this] { check(); }),
      local_{random_token(4), random_token(24)},
      tie_breaker_(random_number()) {}

void IceTransport::start(const Credentials& remote, std::vector<sockaddr_in> candidates, bool controlling) {
    remote_ = remote;
    candidates_ = std::move(candidates);
    controlling_ = controlling;
    last_heard_ = now();
    check();
}

void IceTransport::send(Bytes datagram) {
    if (started())
        socket_.send(datagram, selected_.value_or(candidates_.front()));
}

void IceTransport::freeze() {
    check_timer_.stop();
    socket_.stop_reading();
}

void IceTransport::close() {
    freeze();
    socket_.close();
}

void IceTransport::receive(std::span<uint8_t> datagram, const sockaddr_in& from, Time at) {
    if (datagram.empty())
        return;
    if (datagram[0] > 3) {  // RFC 7983
        if (is_remote(from))
            events_.received(datagram, from, at);
        return;
    }
    const auto message = stun::parse(datagram);
    if (!message)
        return;
    if (message->type == stun::BindingRequest)
        on_request(datagram, *message, from);
    else if (message->type == stun::BindingSuccess)
        on_response(datagram, *message, from);
}

/// Not a server of another test that still sends to whoever had this port before.
bool IceTransport::is_remote(const sockaddr_in& address) const {
    const auto is_it = [&address](const sockaddr_in& known) {
        return known.sin_port == address.sin_port && known.sin_addr.s_addr == address.sin_addr.s_addr;
    };
    return (selected_ && is_it(*selected_)) || std::ranges::any_of(candidates_, is_it);
}

void IceTransport::on_request(Bytes datagram, const stun::Message& message, const sockaddr_in& from) {
    if (!message.username.starts_with(local_.ufrag + ":") || !stun::authentic(datagram, message, local_.pwd))
        return;
    socket_.send(stun::write_response(message.id, from, local_.pwd), from);
}

void IceTransport::on_response(Bytes datagram, const stun::Message& message, const sockaddr_in& from) {
    if (get64(message.id.data()) != tie_breaker_ || !stun::authentic(datagram, message, remote_.pwd))
        return;
    last_heard_ = now();
    if (selected_)
        return;
    selected_ = from;
    check();  // The pair works: nominate it.
    events_.connected();
}

void IceTransport::check() {
    if (now() - last_heard_ > kSilenceLimit) {
        events_.failed(selected_ ? "no answer to consent checks for 15 s"
                                 : "no answer to connectivity checks for 15 s");
        return;
    }
    if (selected_)
        send_check(*selected_);
    else
        for (const sockaddr_in& candidate : candidates_) send_check(candidate);
    check_timer_.after(selected_ ? kConsentInterval : kCheckInterval);
}

void IceTransport::send_check(const sockaddr_in& to) {
    stun::TransactionId id;
    const Packet bytes = Writer().u64(tie_breaker_).u32(++checks_sent_).take();
    std::copy(bytes.begin(), bytes.end(), id.begin());
    socket_.send(stun::write_check({.id = id,
                                    .username = remote_.ufrag + ":" + local_.ufrag,
                                    .key = remote_.pwd,
                                    .controlling = controlling_,
                                    .use_candidate = controlling_ && selected_,
                                    .tie_breaker = tie_breaker_}),
                 to);
}

}  // namespace sluice::peer
