#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "ice/endpoint.h"
#include "peer/bytes.h"

/// STUN messages with whatever a test wants in them, put together without the code under test.
namespace sluice::ice::test {

using peer::Bytes;
using peer::Packet;
using TransactionId = std::array<uint8_t, 12>;

enum Attribute : uint16_t {
    Username = 0x0006,
    MessageIntegrity = 0x0008,
    ErrorCode = 0x0009,
    UnknownAttributes = 0x000A,
    XorMappedAddress = 0x0020,
    Priority = 0x0024,
    UseCandidate = 0x0025,
    Fingerprint = 0x8028,
    IceControlled = 0x8029,
    IceControlling = 0x802A
};
enum Type : uint16_t { Request = 0x0001, Indication = 0x0011, Success = 0x0101, Error = 0x0111 };

class StunText {
public:
    StunText(uint16_t type, const TransactionId& id) { text_.u16(type).u16(0).u32(0x2112A442).bytes(id); }

    StunText& attribute(uint16_t type, Bytes value = {});
    StunText& attribute(uint16_t type, const std::string& value);
    StunText& raw(Bytes bytes);
    /// The length field counts up to each of these as it is computed (RFC 8489 section 14.5).
    StunText& integrity(const std::string& key);
    StunText& fingerprint();
    Packet take() { return text_.take(); }

private:
    void set_length(size_t more) { text_.set16(2, static_cast<uint32_t>(text_.size() + more - 20)); }

    peer::Writer text_;
};

TransactionId random_transaction();
inline TransactionId transaction_of(Bytes message) {
    TransactionId id;
    std::copy_n(message.begin() + 8, id.size(), id.begin());
    return id;
}
inline uint16_t type_of(Bytes message) {
    return message.size() < 20 ? 0xFFFF : static_cast<uint16_t>(peer::get16(message.data()));
}
/// The value of the first such attribute; empty if there is none.
Packet value_of(Bytes message, uint16_t attribute);

/// The value of an attribute like XOR-MAPPED-ADDRESS, for IPv4.
Packet xored(const Endpoint& address);

Packet from_hex(const std::string& text);

}  // namespace sluice::ice::test
