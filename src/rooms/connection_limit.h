#pragma once

#include <memory>

#include "base/result.h"
#include "media/media.h"

namespace sluice::rooms {

/// Keeps limits.connections. Scheduler thread only.
class ConnectionLimit {
public:
    ConnectionLimit(const media::Engine& engine, size_t limit);

    /// LimitReached unless `count` more connections may be made now.
    Status check(size_t count) const;
    /// Counts `count` connections as made for as long as the result lives.
    std::shared_ptr<void> reserve(size_t count);

private:
    const media::Engine& engine_;
    const size_t limit_;
    const std::shared_ptr<size_t> reserved_;
};

}  // namespace sluice::rooms
