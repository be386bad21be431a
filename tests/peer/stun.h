#pragma once

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>

#include "peer/bytes.h"

/// The STUN of connectivity checks (RFC 8489, RFC 8445 section 7).
namespace sluice::peer::stun {

enum Type : uint16_t { BindingRequest = 0x0001, BindingSuccess = 0x0101, BindingError = 0x0111 };
using TransactionId = std::array<uint8_t, 12>;

struct Message {
    uint16_t type = 0;
    TransactionId id{};
    std::string username;
    bool use_candidate = false;
    int error = 0;                ///< ERROR-CODE of an error response.
    size_t integrity_offset = 0;  ///< Of MESSAGE-INTEGRITY; 0: none.
};

/// nullopt: not STUN.
std::optional<Message> parse(Bytes datagram);
/// MESSAGE-INTEGRITY is there and made with `key`.
bool authentic(Bytes datagram, const Message& message, const std::string& key);

struct Check {
    TransactionId id;
    std::string username;
    std::string key;  ///< The other side's password.
    bool controlling;
    bool use_candidate;
    uint64_t tie_breaker;
};
Packet write_check(const Check& check);
Packet write_response(const TransactionId& id, const sockaddr_in& mapped, const std::string& key);

}  // namespace sluice::peer::stun
