#include "peer/ice_transport.h"

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
        socket_.send(datagram, candidates_.front());
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

void IceTransport::on_request(Bytes datagram, const stun::Message& message, const sockaddr_in& from) {
    if (!message.username.starts_with(local_.ufrag + ":") || !stun::authentic(datagram, message, local_.pwd))
        return;
    socket_.send(stun::write_response(message.id, from, local_.pwd), from);
}

void IceTransport::on_response(Bytes datagram, const stun::Message& message, const sockaddr_in& from) {
    if (get64(message.id.data()) != tie_breaker_ || !stun::authentic(datagram, message, remote_.pwd))
        return;
    last_heard_ = now();
    if (std::exchange(connected_, true))
        return;
    candidates_ = {from};
    check();  // The pair works: nominate it.
    events_.connected();
}

void IceTransport::check() {
    if (now() - last_heard_ > kSilenceLimit) {
        events_.failed(connected_ ? "no answer to consent checks for 15 s"
                                  : "no answer to connectivity checks for 15 s");
        return;
    }
    for (const sockaddr_in& candidate : candidates_) send_check(candidate);
    check_timer_.after(connected_ ? kConsentInterval : kCheckInterval);
}

void IceTransport::send_check(const sockaddr_in& to) {
    stun::TransactionId id;
    const Packet bytes = Writer().u64(tie_breaker_).u32(++checks_sent_).take();
    std::copy(bytes.begin(), bytes.end(), id.begin());
    socket_.send(stun::write_check({.id = id,
                                    .username = remote_.ufrag + ":" + local_.ufrag,
                                    .key = remote_.pwd,
                                    .controlling = controlling_,
                                    .use_candidate = controlling_ && connected_,
                                    .tie_breaker = tie_breaker_}),
                 to);
}

}  // namespace sluice::peer
