#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <gio/gio.h>

#include "http/object.h"

namespace sluice::http {

constexpr std::chrono::seconds kSendLimit{30};
constexpr std::chrono::seconds kLingerLimit{5};

/// Sends `last_words` within kSendLimit, calls `sent` (whether they left or not), and closes. What the client
/// is still sending is thrown away until it closes too, for at most kLingerLimit: a connection closed with
/// unread bytes in it is reset, and the client might never read the last words.
void hang_up(Object<GIOStream> stream, std::string last_words, std::function<void()> sent);

}  // namespace sluice::http
