#include "ice/lite_peer.h"

#include <algorithm>
#include <openssl/rand.h>
#include <utility>

#include "ice/lite_network.h"

namespace sluice::ice {
namespace {

constexpr size_t kMaxPaths = 8;
constexpr unsigned kMaxChecks = 20;
constexpr size_t kSrtpTag = 10;  ///< AES_CM_128_HMAC_SHA1_80, all that gstdtls 1.22 negotiates

std::string random_ice_chars(size_t size) {
    static constexpr char kChars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text(size, '\0');
    RAND_bytes(reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(size));
    for (auto& c : text) c = kChars[static_cast<unsigned char>(c) & 63];
    return text;
}

/// RFC 8445 section 5.3 asks for 24 and 128 random bits at least.
Credentials random_credentials() {
    return {random_ice_chars(8), random_ice_chars(24)};
}

/// RTP, and not RTCP, STUN or DTLS: RFC 7983, RFC 5761 section 4.
bool is_rtp(std::span<const uint8_t> datagram) {
    if (datagram.size() < 12 || datagram[0] < 128 || datagram[0] > 191)
        return false;
    const int type = datagram[1] & 0x7f;
    return type < 64 || type > 95;
}

}  // namespace

void LitePeer::Counter::count(std::span<const uint8_t> datagram) {
    if (!is_rtp(datagram))
        return;
    packets_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(datagram.size() - std::min(datagram.size(), kSrtpTag), std::memory_order_relaxed);
}

LitePeer::LitePeer(LiteNetwork& network, std::function<void(PeerState)> on_state)
    : network_(network), now_(random_credentials()), on_state_(std::move(on_state)) {}

Credentials LitePeer::local() const {
    std::lock_guard lock(mutex_);
    return now_;
}

Credentials LitePeer::restart() {
    auto fresh = random_credentials();
    std::string retired;
    {
        std::lock_guard lock(mutex_);
        if (state_ == PeerState::Closed)
            return now_;
        retired = before_.ufrag;
        before_ = std::exchange(now_, fresh);
        remote_is_current_ = false;
    }
    network_.rename(retired, fresh.ufrag, shared_from_this());
    return fresh;
}

void LitePeer::set_remote(Credentials remote) {
    bool connected = false;
    {
        std::lock_guard lock(mutex_);
        remote_is_current_ = true;
        if (remote.ufrag == remote_.ufrag && remote.pwd == remote_.pwd)
            return;
        remote_ = std::move(remote);
        for (auto& known : known_) {
            known.checks = 0;
            if (known.wanted)
                check(known);
        }
        connected = becomes_connected();
    }
    if (connected)
        enter(PeerState::Connected);
}

std::string LitePeer::remote_address() const {
    std::lock_guard lock(mutex_);
    return selected_ ? selected_->remote.text() : std::string();
}

void LitePeer::set_receiver(std::weak_ptr<Receiver> receiver) {
    std::lock_guard lock(mutex_);
    receiver_ = std::move(receiver);
}

void LitePeer::close() {
    if (state_.exchange(PeerState::Closed) == PeerState::Closed)
        return;
    std::vector<KnownPath> known;
    Credentials now, before;
    {
        std::lock_guard lock(mutex_);
        known.swap(known_);
        now = now_;
        before = before_;
        selected_.reset();
        receiver_.reset();
    }
    network_.forget(*this, {now.ufrag, before.ufrag});
    for (const auto& path : known) network_.forget(*this, path.path.remote);
    std::lock_guard lock(reporting_);
    on_state_ = nullptr;
}

void LitePeer::send(std::span<const uint8_t> datagram) {
    std::optional<Path> path;
    {
        std::lock_guard lock(mutex_);
        path = selected_;
    }
    if (!path)
        return;
    if (network_.send(path->socket, path->remote, datagram))
        sent_.count(datagram);
}

void LitePeer::on_datagram(const Path& path, std::span<const uint8_t> datagram) {
    std::shared_ptr<Receiver> receiver;
    {
        std::lock_guard lock(mutex_);
        if (std::ranges::none_of(known_, [&](const KnownPath& known) { return known.path == path; }))
            return;
        receiver = receiver_.lock();
    }
    heard_ = Clock::now().time_since_epoch().count();
    received_.count(datagram);
    if (receiver)
        receiver->on_datagram(datagram);
}

LitePeer::Verdict LitePeer::on_check(const stun::Message& message, const Path& path) {
    using Answer = Verdict::Answer;
    const auto colon = message.username.find(':');
    const auto local = message.username.substr(0, colon);
    Verdict verdict;
    std::lock_guard lock(mutex_);
    if (state_ == PeerState::Closed || state_ == PeerState::Failed)
        return verdict;
    const bool is_new = local == now_.ufrag;
    const auto& password = is_new ? now_.pwd : before_.pwd;
    if (password.empty() || !message.verify(password))
        return verdict;
    verdict.password = password;
    if (message.unknown_attribute != 0) {
        verdict.answer = Answer::UnknownAttribute;
        return verdict;
    }
    if (message.controlled) {  // a lite agent is always the controlled one
        verdict.answer = Answer::RoleConflict;
        return verdict;
    }
    const bool restarting = !before_.ufrag.empty();
    const auto remote =
        colon == std::string_view::npos ? std::string_view() : message.username.substr(colon + 1);
    if (is_new && remote_is_current_ && !remote_.ufrag.empty() && remote != remote_.ufrag)
        return verdict;

    verdict.answer = Answer::Success;
    const auto now = Clock::now();
    heard_ = now.time_since_epoch().count();
    if (is_new && restarting) {
        verdict.retired = before_.ufrag;
        before_ = {};
    }
    auto known = std::ranges::find(known_, path, &KnownPath::path);
    if (known == known_.end()) {
        if (known_.size() == kMaxPaths) {
            const auto oldest = std::ranges::min_element(known_, {}, [&](const KnownPath& k) {
                return selected_ && k.path == *selected_ ? Clock::time_point::max() : k.heard;
            });
            verdict.forgotten = oldest->path.remote;
            known_.erase(oldest);
        }
        known_.push_back({.path = path, .heard = now});
        known = known_.end() - 1;
        verdict.proven = true;
    }
    known->heard = now;
    consider(*known, message.use_candidate);
    verdict.connected = becomes_connected();
    return verdict;
}

/// The first path is used at once: DTLS proves who is there. Media moves to another one only when that has
/// been nominated and its end has answered a check of ours, or a replayed check could send a stranger a
/// stream.
void LitePeer::consider(KnownPath& known, bool nominated) {
    if (!selected_)
        selected_ = known.path;
    if (!nominated)
        return;
    for (auto& other : known_) other.wanted = false;
    if (known.path == *selected_)
        return;
    if (known.validated) {
        selected_ = known.path;
        return;
    }
    known.wanted = true;
    check(known);
}

void LitePeer::check(KnownPath& known) {
    if (!remote_is_current_ || remote_.pwd.empty() || known.checks >= kMaxChecks)
        return;
    if (known.checks++ == 0)
        RAND_bytes(known.transaction.data(), static_cast<int>(known.transaction.size()));
    constexpr uint32_t kPeerReflexivePriority = 110u << 24 | 65535u << 8 | 255;
    stun::Writer writer(stun::Type::Request, known.transaction);
    writer.username(remote_.ufrag + ":" + now_.ufrag);
    writer.priority(kPeerReflexivePriority);
    writer.controlled(network_.tie_breaker());
    network_.send(known.path.socket, known.path.remote, writer.finish(remote_.pwd));
}

void LitePeer::on_check_answered(const stun::Message& message, const Path& path) {
    std::lock_guard lock(mutex_);
    const auto known = std::ranges::find(known_, path, &KnownPath::path);
    if (known == known_.end() || known->checks == 0 || known->transaction != message.transaction ||
        !message.verify(remote_.pwd))
        return;
    known->validated = true;
    if (std::exchange(known->wanted, false))
        selected_ = known->path;
}

/// Both are there: the peer's credentials, without which nobody was invited, and a path. Lock held.
bool LitePeer::becomes_connected() {
    if (remote_.ufrag.empty() || !selected_)
        return false;
    auto expected = PeerState::New;
    return state_.compare_exchange_strong(expected, PeerState::Connected);
}

void LitePeer::on_tick(Clock::time_point now, std::chrono::seconds consent_timeout) {
    {
        std::lock_guard lock(mutex_);
        for (auto& known : known_)
            if (known.wanted && !known.validated)
                check(known);
    }
    const auto heard = Clock::time_point(Clock::duration(heard_));
    if (state_ == PeerState::Connected && now - heard > consent_timeout)
        enter(PeerState::Failed);
}

void LitePeer::enter(PeerState state) {
    if (state == PeerState::Failed) {
        auto expected = PeerState::Connected;
        if (!state_.compare_exchange_strong(expected, PeerState::Failed))
            return;
    }
    network_.post([weak = weak_from_this(), state] {
        if (const auto self = weak.lock())
            self->report(state);
    });
}

void LitePeer::report(PeerState state) {
    std::shared_ptr<Receiver> receiver;
    {
        std::lock_guard lock(mutex_);
        receiver = receiver_.lock();
    }
    if (receiver)
        receiver->on_state(state);
    std::lock_guard lock(reporting_);
    if (on_state_)
        on_state_(state);
}

}  // namespace sluice::ice
