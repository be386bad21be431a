#pragma once

#include <cstdint>
#include <span>

namespace sluice::elements {

/// Makes a peer's plain RTCP harmless for rtpsession (GStreamer 1.22, and main in 2026), which reads what
/// SDES items (RFC 3550 section 6.5) say of their length beyond the packet's end, and turns the prefix of a
/// PRIV item into a quark, which is never freed: PRIV, which no browser sends, becomes NOTE.
///
/// Any thread. False: an item does not end within its packet, and nobody is to read it.
bool tame_sdes(std::span<uint8_t> rtcp);

}  // namespace sluice::elements
