#include "ice/stun_text.h"

#include <openssl/hmac.h>

#include "peer/random.h"

namespace sluice::ice::test {

StunText& StunText::attribute(uint16_t type, Bytes value) {
    text_.u16(type).u16(static_cast<uint32_t>(value.size())).bytes(value).pad(4);
    set_length(0);
    return *this;
}

StunText& StunText::attribute(uint16_t type, const std::string& value) {
    return attribute(type, Bytes{reinterpret_cast<const uint8_t*>(value.data()), value.size()});
}

StunText& StunText::raw(Bytes bytes) {
    text_.bytes(bytes);
    return *this;
}

StunText& StunText::integrity(const std::string& key) {
    std::array<uint8_t, 20> hash{};
    set_length(4 + hash.size());
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), text_.data(), text_.size(), hash.data(),
         nullptr);
    return attribute(MessageIntegrity, hash);
}

StunText& StunText::fingerprint() {
    set_length(8);
    uint32_t crc = ~0U;
    for (size_t i = 0; i < text_.size(); i++) {
        crc ^= text_.data()[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
    }
    return attribute(Fingerprint, peer::Writer().u32(~crc ^ 0x5354554E).take());
}

TransactionId random_transaction() {
    TransactionId id;
    for (auto& byte : id) byte = static_cast<uint8_t>(peer::random_number());
    return id;
}

Packet value_of(Bytes message, uint16_t attribute) {
    for (size_t at = 20; at + 4 <= message.size();) {
        const size_t length = peer::get16(&message[at + 2]);
        if (at + 4 + length > message.size())
            break;
        if (peer::get16(&message[at]) == attribute)
            return {message.begin() + static_cast<std::ptrdiff_t>(at + 4),
                    message.begin() + static_cast<std::ptrdiff_t>(at + 4 + length)};
        at += 4 + (length + 3) / 4 * 4;
    }
    return {};
}

Packet xored(const Endpoint& address) {
    return peer::Writer()
        .u16(1)
        .u16(address.port() ^ 0x2112U)
        .u32(peer::get32(address.address_bytes().data()) ^ 0x2112A442)
        .take();
}

Packet from_hex(const std::string& text) {
    Packet bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
    return bytes;
}

}  // namespace sluice::ice::test
