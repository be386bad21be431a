#include "ice/lite_peer.h"

#include <algorithm>
#include <openssl/rand.h>
#include <utility>

#include "ice/lite_network.h"

namespace sluice::ice {
namespace {

constexpr size_t kMaxPaths = 16;  ///< A machine with many interfaces tries each of ours from each of its own.
/// In a row to a path that does not answer, until the peer checks it once more.
constexpr unsigned kMaxChecks = 20;
/// How many restarts may go unanswered before the credentials of the oldest of them are given up.
constexpr size_t kMaxCredentials = 8;
/// Longer than a browser leaves between two checks of the path that it uses (Firefox: 6 s at most).
constexpr std::chrono::seconds kSilence{7};
/// Longer than it takes a browser that nominates every pair to check them all. One that takes a worse pair
/// than before on purpose nominates it again.
constexpr std::chrono::seconds kNominating{1};

// A browser checks each pair 20 times a second before it is connected, and one pair less than once a second
// then.
constexpr double kAnswersAtOnce = 60, kAnswersPerSecond = 30;
// New pairs, and checks that get an error: a few for each interface.
constexpr double kStrangersAtOnce = 60, kStrangersPerSecond = 10;

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

}  // namespace

LitePeer::LitePeer(LiteNetwork& network, std::function<void(PeerState)> on_state)
    : network_(network),
      local_{random_credentials()},
      strangers_(kStrangersAtOnce, kStrangersPerSecond),
      on_state_(std::move(on_state)) {}

std::vector<std::string> LitePeer::candidates() const {
    return network_.candidates();
}

Credentials LitePeer::local() const {
    std::lock_guard lock(mutex_);
    return local_.back();
}

Credentials LitePeer::restart() {
    auto fresh = random_credentials();
    std::string retired;
    {
        std::lock_guard lock(mutex_);
        if (state_ == PeerState::Closed)
            return local_.back();
        if (local_.size() == kMaxCredentials) {
            const auto oldest = std::ranges::find_if(
                local_, [this](const Credentials& credentials) { return credentials.ufrag != used_; });
            retired = oldest->ufrag;
            local_.erase(oldest);
        }
        local_.push_back(fresh);
    }
    network_.rename(retired, fresh.ufrag, shared_from_this());
    return fresh;
}

void LitePeer::set_remote(Credentials remote) {
    bool connected = false;
    {
        std::lock_guard lock(mutex_);
        paired_ = remote.ufrag == used_by_ ? used_ : local_.back().ufrag;
        if (remote.ufrag == remote_.ufrag && remote.pwd == remote_.pwd)
            return;
        remote_ = std::move(remote);
        for (auto& known : known_) {
            known.checks = 0;
            if (known.wanted)
                want(known);
        }
        connected = becomes_connected();
    }
    if (connected)
        enter(PeerState::Connected);
}

std::string LitePeer::remote_address() const {
    std::lock_guard lock(mutex_);
    if (!selected_)
        return {};
    return selected_->remote.text() + (selected_->tcp ? " (TCP)" : "");
}

void LitePeer::set_receiver(std::weak_ptr<Receiver> receiver) {
    std::lock_guard lock(receiving_);
    receiver_ = std::move(receiver);
}

void LitePeer::close() {
    if (state_.exchange(PeerState::Closed) == PeerState::Closed)
        return;
    std::vector<Path> paths;
    std::vector<std::string> ufrags;
    {
        std::lock_guard lock(mutex_);
        for (auto& known : std::exchange(known_, {})) paths.push_back(std::move(known.path));
        for (const auto& credentials : local_) ufrags.push_back(credentials.ufrag);
        select({});
    }
    set_receiver({});
    network_.forget(*this, ufrags);
    network_.forget(*this, std::move(paths));
    std::lock_guard lock(reporting_);
    on_state_ = nullptr;
}

void LitePeer::send(std::span<const uint8_t> datagram) {
    std::optional<Path> path;
    {
        std::lock_guard lock(mutex_);
        path = selected_;
    }
    if (path && network_.send(*path, datagram))
        sent_.count(datagram);
}

void LitePeer::refresh(Destination& destination) const {
    std::lock_guard lock(mutex_);
    destination.version = destination_version_;
    destination.fd = selected_ ? network_.descriptor(*selected_) : -1;
    if (selected_)
        destination.remote = selected_->remote;
}

void LitePeer::on_datagram(std::span<const uint8_t> datagram) {
    received_.count(datagram);
    std::lock_guard lock(receiving_);
    if (const auto receiver = receiver_.lock())
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
    const auto own = std::ranges::find(local_, local, &Credentials::ufrag);
    if (own == local_.end() || !message.verify(own->pwd))
        return verdict;
    const bool is_newest = own == local_.end() - 1;
    const auto now = Clock::now();
    auto* known = find(path);
    const bool is_error = message.unknown_attribute != 0 || message.controlled;
    if (!(known && !is_error ? known->answers : strangers_).take(now))
        return verdict;
    verdict.password = own->pwd;
    if (is_error) {  // a lite agent is always the controlled one
        verdict.answer = message.unknown_attribute != 0 ? Answer::UnknownAttribute : Answer::RoleConflict;
        return verdict;
    }
    const auto remote =
        colon == std::string_view::npos ? std::string_view() : message.username.substr(colon + 1);
    if (is_newest && paired_ == local && remote != remote_.ufrag)
        return verdict;

    verdict.answer = Answer::Success;
    used_ = own->ufrag;
    used_by_ = remote;
    if (remote == remote_.ufrag)
        paired_ = used_;
    if (is_newest) {
        for (auto older = local_.begin(); older != own; older++) verdict.retired.push_back(older->ufrag);
        local_.erase(local_.begin(), own);
    }
    if (!known)
        known = &remember(path, now, verdict);
    known->heard = now;
    if (message.use_candidate) {
        known->nominated = now;
        known->priority = message.priority;
    }
    consider(*known, now);
    if (selected_ && *selected_ == path)
        heard_ = now;
    verdict.connected = becomes_connected();
    return verdict;
}

void LitePeer::select(std::optional<Path> path) {
    selected_ = std::move(path);
    ++destination_version_;
}

LitePeer::KnownPath* LitePeer::find(const Path& path) {
    const auto found = std::ranges::find(known_, path, &KnownPath::path);
    return found == known_.end() ? nullptr : &*found;
}

/// The path that has been silent longest makes room, but never the selected one.
LitePeer::KnownPath& LitePeer::remember(const Path& path, Clock::time_point now, Verdict& verdict) {
    if (known_.size() == kMaxPaths) {
        const auto oldest = std::ranges::min_element(known_, {}, [&](const KnownPath& known) {
            return selected_ && known.path == *selected_ ? Clock::time_point::max() : known.heard;
        });
        verdict.forgotten = oldest->path;
        known_.erase(oldest);
    }
    known_.push_back({.path = path, .heard = now, .answers = {kAnswersAtOnce, kAnswersPerSecond}});
    return known_.back();
}

/// The first path is used at once: DTLS proves who is there. Media moves to another one only when that has
/// been nominated, or the one in use has gone silent, and its end has then answered a check of ours, or a
/// replayed check could send a stranger a stream. Nominations alone would not do: to a browser whose NAT
/// gives it another address all is as before, and Firefox checks a pair on without nominating it again.
void LitePeer::consider(KnownPath& known, Clock::time_point now) {
    if (!selected_ && state_ == PeerState::New)
        select(known.path);
    const bool nominated = is_nominated(known, now);
    if (selected_ == known.path) {
        if (nominated)
            for (auto& other : known_) other.wanted = false;
        return;
    }
    const auto silence = std::min<Clock::duration>(kSilence, network_.consent_timeout() / 2);
    if (!nominated && selected_ && now - heard_ < silence)
        return;
    if (known.checks >= kMaxChecks)
        known.checks = 0;
    want(known);
}

/// By the check that has just come. Firefox nominates every pair, and TCP's after UDP's: the best of them
/// counts (RFC 8445 section 8.1.1).
bool LitePeer::is_nominated(const KnownPath& known, Clock::time_point now) const {
    return known.nominated == now && std::ranges::none_of(known_, [&](const KnownPath& other) {
               // The priority is that of the peer's end; of ours the first address has the highest.
               const bool first = other.priority == known.priority && !other.path.tcp && !known.path.tcp &&
                                  other.path.socket < known.path.socket;
               return (other.priority > known.priority || first) && now - other.nominated < kNominating;
           });
}

void LitePeer::prove(const Path& path) {
    std::lock_guard lock(mutex_);
    if (auto* known = find(path))
        want(*known);
}

bool LitePeer::knows(const Path& path) const {
    std::lock_guard lock(mutex_);
    return std::ranges::find(known_, path, &KnownPath::path) != known_.end();
}

void LitePeer::want(KnownPath& known) {
    known.wanted = true;
    if (known.checks < kMaxChecks)
        check(known);
}

/// By the credentials that the peer has: between a restart of ours and its answer those before it, unless it
/// checks by our newest already, and we do not know its own yet.
void LitePeer::check(KnownPath& known) {
    const auto& newest = local_.back().ufrag;
    if (remote_.pwd.empty() || (used_ == newest && paired_ != newest))
        return;
    if (known.checks == 0)
        RAND_bytes(known.transaction.data(), static_cast<int>(known.transaction.size()));
    constexpr uint32_t kPeerReflexivePriority = 110u << 24 | 65535u << 8 | 255;
    stun::Writer writer(stun::Type::Request, known.transaction);
    writer.username(remote_.ufrag + ":" + paired_);
    writer.priority(kPeerReflexivePriority);
    writer.controlled(network_.tie_breaker());
    if (network_.send(known.path, writer.finish(remote_.pwd), IfFull::Wait))
        known.checks++;
}

bool LitePeer::on_check_answered(const stun::Message& message, const Path& path) {
    std::lock_guard lock(mutex_);
    auto* known = find(path);
    if (!known || known->checks == 0 || known->transaction != message.transaction ||
        !message.verify(remote_.pwd))
        return false;
    known->checks = 0;
    if (known->wanted) {
        for (auto& other : known_) other.wanted = false;
        select(known->path);
    }
    if (selected_ == known->path)
        heard_ = Clock::now();
    return true;
}

void LitePeer::on_lost(const Path& path) {
    std::lock_guard lock(mutex_);
    std::erase_if(known_, [&](const KnownPath& known) { return known.path == path; });
    if (selected_ == path)
        select({});
}

/// Both are there: the peer's credentials, without which nobody was invited, and a path. Lock held.
bool LitePeer::becomes_connected() {
    if (remote_.ufrag.empty() || !selected_)
        return false;
    auto expected = PeerState::New;
    return state_.compare_exchange_strong(expected, PeerState::Connected);
}

/// Media alone is no consent: anybody can send it from the peer's address. A peer that makes no checks of its
/// own once it is connected (libnice) is asked before it is given up.
void LitePeer::on_tick(Clock::time_point now) {
    const auto consent_timeout = network_.consent_timeout();
    {
        std::lock_guard lock(mutex_);
        for (auto& known : known_)
            if (known.wanted)
                want(known);
        if (state_ != PeerState::Connected)
            return;
        const auto quiet = now - heard_;
        if (quiet <= consent_timeout) {
            if (auto* known = selected_ && quiet * 2 > consent_timeout ? find(*selected_) : nullptr)
                check(*known);
            return;
        }
    }
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
    std::lock_guard lock(reporting_);
    std::shared_ptr<Receiver> receiver;
    {
        std::lock_guard receiving(receiving_);
        receiver = receiver_.lock();
    }
    if (receiver)
        receiver->on_state(state);
    if (on_state_)
        on_state_(state);
}

}  // namespace sluice::ice
