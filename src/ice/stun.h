#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "ice/endpoint.h"

/// STUN (RFC 8489) as an ICE-lite agent needs it: Binding requests are parsed, checked and answered, and one
/// request of our own proves that a new path is wanted by whoever sits at its other end. No allocation, any
/// bytes are safe.
namespace sluice::ice::stun {

enum class Type : uint16_t { Request = 0x0001, Indication = 0x0011, Success = 0x0101, Error = 0x0111 };

using TransactionId = std::array<uint8_t, 12>;

enum class ErrorNumber { UnknownAttribute = 420, RoleConflict = 487 };

/// Points into the datagram it was parsed from.
struct Message {
    Type type{};
    TransactionId transaction{};
    std::string_view username;  ///< "receiver's ufrag:sender's ufrag"
    bool use_candidate = false;
    uint32_t priority = 0;           ///< Of the sender's end of the pair; greater is better.
    bool controlled = false;         ///< The sender believes that it is the controlled agent.
    uint16_t unknown_attribute = 0;  ///< The first that must be understood and is not; 0: none.
    std::span<const uint8_t> datagram;
    size_t integrity_at = 0;  ///< Offset of MESSAGE-INTEGRITY; 0: none.

    /// Whether MESSAGE-INTEGRITY was made with `key` (section 14.5), in constant time.
    bool verify(std::string_view key) const;
};

/// Whether a datagram claims to be STUN (RFC 7983): the first byte decides.
inline bool claims_to_be(std::span<const uint8_t> datagram) {
    return !datagram.empty() && datagram[0] < 4;
}

/// Nothing: not STUN, cut off, larger than any check, or without a right FINGERPRINT.
std::optional<Message> parse(std::span<const uint8_t> datagram);

/// Puts a message together; too long an attribute is left out.
class Writer {
public:
    Writer(Type type, const TransactionId& transaction);
    void username(std::string_view value);
    void priority(uint32_t value);
    void controlled(uint64_t tie_breaker);
    void xor_mapped_address(const Endpoint& address);
    void error(ErrorNumber number, std::string_view reason);
    void unknown_attribute(uint16_t type);
    /// Adds MESSAGE-INTEGRITY and FINGERPRINT: the message is complete.
    std::span<const uint8_t> finish(std::string_view key);

private:
    void add(uint16_t type, std::span<const uint8_t> value);
    std::array<uint8_t, 768> bytes_{};
    size_t size_;
};

}  // namespace sluice::ice::stun
