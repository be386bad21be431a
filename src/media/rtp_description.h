#pragma once

#include <string>

#include "base/result.h"
#include "media/segment.h"

namespace sluice::media {

/// Writes what a segment sends as plain RTP, for who is to play it (SDP, RFC 8866): to the hole "host", each
/// lane to the hole "audio-port" or "video-port", with RTCP at "audio-rtcp-port" or "video-rtcp-port" where
/// the template has that. Takes the place of an earlier description, but of no other file. Waits for the
/// disk.
Status write_rtp_description(const std::string& path, const SegmentPlan& plan);
/// Takes it away, unless another one is in its place.
void remove_rtp_description(const std::string& path, const SegmentPlan& plan);

}  // namespace sluice::media
