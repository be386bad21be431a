#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_set>

#include "ice/rate_limit.h"

namespace sluice::elements {

/// Keeps from rtpsession (GStreamer 1.22, and its main in 2026) what any peer can send after DTLS and what it
/// does not stand:
/// - SDES items (RFC 3550 section 6.5) that do not end within their packet: it reads beyond.
/// - Names of PRIV items, which it makes quarks, and these are never freed. PRIV, which no browser sends,
///   becomes NOTE.
/// - Transport-wide feedback (RTPFB 15), which nobody here asks for: it takes octets for words, and so reads
///   beyond, makes a GstStructure of each of the 65,535 packets that 24 octets may be about, and leaks them
///   if it sends nothing. It becomes format 31, which nothing reads.
/// - NACKs without number: each four octets are an event for each of up to 17 packets, through all of a
///   webrtcbin, whether there are such packets or not. Of more than any viewer needs the rest is not read.
/// - Sources without number: for each that a report, an SDES chunk or a list of CSRCs names it keeps 1.4 kB
///   for half a minute.
///
/// One thread at a time. Plain packets; false: nobody is to read this one.
class SessionGuard {
public:
    /// More than any browser has on one connection in its life.
    static constexpr size_t kSources = 1024;

    /// Items of NACKs (RFC 4585 section 6.2.1), at once and each second. A leg sends less than that again.
    static constexpr double kNacks = 2000;

    bool admit_rtp(std::span<const uint8_t> packet);
    bool admit_rtcp(std::span<uint8_t> compound);

private:
    bool admit(const uint8_t* ssrc);
    bool admit_chunks(std::span<uint8_t> chunks);
    bool admit_nacks(size_t items);

    std::unordered_set<uint32_t> sources_;
    ice::RateLimit nacks_{kNacks, kNacks};
};

}  // namespace sluice::elements
