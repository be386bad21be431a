#include "rooms/connection_limit.h"

#include <string>

namespace sluice::rooms {

ConnectionLimit::ConnectionLimit(const media::Engine& engine, size_t limit)
    : engine_(engine), limit_(limit), reserved_(std::make_shared<size_t>(0)) {}

Status ConnectionLimit::check(size_t count) const {
    const size_t used = engine_.connections() + *reserved_;
    if (used + count <= limit_)
        return Ok{};
    return Error{ErrorCode::LimitReached, "limits.connections (" + std::to_string(limit_) +
                                              ") is reached: " + std::to_string(used) + " in use, " +
                                              std::to_string(count) + " more needed"};
}

std::shared_ptr<void> ConnectionLimit::reserve(size_t count) {
    *reserved_ += count;
    return std::shared_ptr<void>(nullptr, [reserved = reserved_, count](void*) { *reserved -= count; });
}

}  // namespace sluice::rooms
