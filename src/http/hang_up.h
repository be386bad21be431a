#pragma once

#include <chrono>
#include <string>

#include "http/object.h"

namespace sluice::http {

constexpr std::chrono::seconds kLingerTime{5};

/// Sends `last_words` and closes. What the client is still sending is read and thrown away until it has
/// closed too, for at most kLingerTime: a connection closed with unread bytes in it is reset, and the client
/// might never read the answer.
void hang_up(Object<GIOStream> stream, const std::string& last_words);

}  // namespace sluice::http
