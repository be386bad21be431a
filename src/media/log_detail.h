#pragma once

#include "media/media.h"

namespace sluice::media {

/// What GStreamer writes to its log now. One for the process; scheduler thread.
LogDetail log_detail();
/// Replaces it, as Engine does.
Status set_log_detail(const LogDetail& detail);

}  // namespace sluice::media
