#include "peer/srtp.h"

#include <srtp2/srtp.h>

#include <glib.h>

namespace sluice::peer {
namespace {

constexpr size_t kRtcpIndex = 4;

srtp_t make(const SrtpKeys& keys, bool inbound) {
    // GStreamer's plug-in may have done it in this process; libsrtp 2.5 calls the second time an error.
    [[maybe_unused]] static const auto initialized = srtp_init();
    srtp_policy_t policy{};
    if (keys.gcm) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    }
    policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
    policy.key = const_cast<uint8_t*>(inbound ? keys.remote.data() : keys.local.data());
    policy.window_size = 1024;
    srtp_t context = nullptr;
    const srtp_err_status_t status = srtp_create(&context, &policy);
    g_assert(status == srtp_err_status_ok);
    return context;
}

template <auto Protect>
Packet protect(srtp_t context, Packet packet) {
    int size = int(packet.size());
    packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + kRtcpIndex);
    const srtp_err_status_t status = Protect(context, packet.data(), &size);
    g_assert(status == srtp_err_status_ok);
    packet.resize(size_t(size));
    return packet;
}

}  // namespace

template <auto Unprotect>
std::optional<std::span<uint8_t>> SrtpSession::unprotect(std::span<uint8_t> packet) {
    int size = int(packet.size());
    const srtp_err_status_t status = Unprotect(in_.get(), packet.data(), &size);
    if (status == srtp_err_status_ok)
        return packet.first(size_t(size));
    const bool replay = status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old;
    ++(replay ? replayed_ : not_authentic_);
    return std::nullopt;
}

void SrtpSession::Free::operator()(srtp_ctx_t_* context) const {
    srtp_dealloc(context);
}

SrtpSession::SrtpSession(const SrtpKeys& keys) : out_(make(keys, false)), in_(make(keys, true)) {}

Packet SrtpSession::protect_rtp(Packet packet) {
    return protect<srtp_protect>(out_.get(), std::move(packet));
}

Packet SrtpSession::protect_rtcp(Packet packet) {
    return protect<srtp_protect_rtcp>(out_.get(), std::move(packet));
}

std::optional<std::span<uint8_t>> SrtpSession::unprotect_rtp(std::span<uint8_t> packet) {
    return unprotect<srtp_unprotect>(packet);
}

std::optional<std::span<uint8_t>> SrtpSession::unprotect_rtcp(std::span<uint8_t> packet) {
    return unprotect<srtp_unprotect_rtcp>(packet);
}

}  // namespace sluice::peer
