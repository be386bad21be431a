#include "ice/stun.h"

#include <gtest/gtest.h>

#include "ice/stun_text.h"
#include "peer/stun.h"

namespace sluice::ice {
namespace {

using test::from_hex;
using test::Packet;
using test::StunText;

const std::string kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
const test::TransactionId kTransaction = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                          0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

// RFC 5769 sections 2.1 to 2.4.
const Packet kRequest = from_hex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008"
    "932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004"
    "e57a3bcf");
const Packet kResponse4 = from_hex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a64300080014"
    "2b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96");
const Packet kResponse6 = from_hex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179"
    "bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c");
const Packet kLongTerm = from_hex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f34"
    "39396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e"
    "02b8e0712e85c9a28ca89666");

StunText check() {
    StunText text(test::Request, kTransaction);
    text.attribute(test::Username, "evtj:h6vY");
    text.attribute(test::Priority, Packet{0x6e, 0, 1, 0xff});
    return text;
}

TEST(Stun, TakesTheRequestOfRfc5769) {
    const auto message = stun::parse(kRequest);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, stun::Type::Request);
    EXPECT_EQ(message->transaction, kTransaction);
    EXPECT_EQ(message->username, "evtj:h6vY");
    EXPECT_TRUE(message->controlled);
    EXPECT_FALSE(message->use_candidate);
    EXPECT_EQ(message->unknown_attribute, 0);
    EXPECT_TRUE(message->verify(kPassword));
    EXPECT_FALSE(message->verify("VOkJxbRl1RmTxUk/WvJxBT"));
    EXPECT_FALSE(message->verify(""));
}

TEST(Stun, TakesTheResponsesOfRfc5769) {
    for (const auto& response : {kResponse4, kResponse6}) {
        const auto message = stun::parse(response);
        ASSERT_TRUE(message);
        EXPECT_EQ(message->type, stun::Type::Success);
        EXPECT_TRUE(message->verify(kPassword));
    }
}

TEST(Stun, RefusesTheRequestOfRfc5769ThatHasNoFingerprint) {
    EXPECT_FALSE(stun::parse(kLongTerm));
}

TEST(Stun, WritesTheAddressesOfRfc5769) {
    for (const auto& [ip, sample] : {std::pair("192.0.2.1", kResponse4),
                                     std::pair("2001:db8:1234:5678:11:2233:4455:6677", kResponse6)}) {
        stun::Writer writer(stun::Type::Success, kTransaction);
        writer.xor_mapped_address(*Endpoint::from(ip, 32853));
        const auto text = writer.finish(kPassword);
        EXPECT_EQ(test::value_of(text, test::XorMappedAddress),
                  test::value_of(sample, test::XorMappedAddress));
        EXPECT_TRUE(stun::parse(text) && stun::parse(text)->verify(kPassword));
    }
}

/// Whatever bit is wrong, it is either not STUN or not authentic.
TEST(Stun, NoticesEveryChangedBit) {
    for (size_t bit = 0; bit < kRequest.size() * 8; bit++) {
        auto changed = kRequest;
        changed[bit / 8] = static_cast<uint8_t>(changed[bit / 8] ^ 1 << bit % 8);
        EXPECT_FALSE(stun::parse(changed)) << "bit " << bit;
    }
}

TEST(Stun, RefusesWhatIsCutOffOrLonger) {
    for (size_t size = 0; size < kRequest.size(); size++)
        EXPECT_FALSE(stun::parse(test::Bytes(kRequest).first(size))) << size << " bytes";
    auto longer = kRequest;
    longer.insert(longer.end(), 4, 0);
    EXPECT_FALSE(stun::parse(longer));
}

TEST(Stun, RefusesAttributesBeyondItsEnd) {
    EXPECT_TRUE(stun::parse(check().raw(from_hex("8050000400000000")).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().raw(from_hex("8050000d00000000")).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().raw(from_hex("8050ffff00000000")).fingerprint().take()));
}

TEST(Stun, RefusesAWrongLengthOfAnAttribute) {
    EXPECT_FALSE(stun::parse(check().attribute(test::IceControlling, Packet(4)).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().attribute(test::IceControlled, Packet(9)).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().attribute(test::Priority, Packet(3)).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().attribute(test::MessageIntegrity, Packet(19)).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().attribute(test::Username, Packet(514, 'u')).fingerprint().take()));
    EXPECT_TRUE(stun::parse(check().attribute(test::Username, Packet(513, 'u')).fingerprint().take()));
}

TEST(Stun, AFingerprintStandsAtTheEnd) {
    EXPECT_FALSE(stun::parse(check().integrity(kPassword).take()));
    EXPECT_FALSE(stun::parse(check().fingerprint().integrity(kPassword).take()));
    EXPECT_FALSE(stun::parse(check().fingerprint().integrity(kPassword).fingerprint().take()));
    EXPECT_TRUE(stun::parse(check().integrity(kPassword).fingerprint().take()));
}

TEST(Stun, WithoutIntegrityNothingIsAuthentic) {
    const auto text = check().fingerprint().take();
    ASSERT_TRUE(stun::parse(text));
    EXPECT_FALSE(stun::parse(text)->verify(kPassword));
}

TEST(Stun, WhatFollowsIntegrityDoesNotCount) {
    const auto text = check()
                          .integrity(kPassword)
                          .attribute(test::UseCandidate)
                          .attribute(0x7777, Packet(4))
                          .fingerprint()
                          .take();
    const auto message = stun::parse(text);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->verify(kPassword));
    EXPECT_FALSE(message->use_candidate);
    EXPECT_EQ(message->unknown_attribute, 0);
}

TEST(Stun, TheFirstOfSeveralAttributesCounts) {
    const auto text =
        check().attribute(test::Username, "other:other").integrity(kPassword).fingerprint().take();
    EXPECT_EQ(stun::parse(text)->username, "evtj:h6vY");
}

TEST(Stun, TellsWhatMustBeUnderstood) {
    const auto optional = check().attribute(0xC001, Packet(7)).fingerprint().take();
    EXPECT_EQ(stun::parse(optional)->unknown_attribute, 0);
    const auto required = check().attribute(0x7ffe, Packet(3)).attribute(0x7fff).fingerprint().take();
    EXPECT_EQ(stun::parse(required)->unknown_attribute, 0x7ffe);
}

TEST(Stun, RefusesWhatIsLargerThanAnyCheck) {
    EXPECT_TRUE(stun::parse(check().attribute(0x8001, Packet(1000)).fingerprint().take()));
    EXPECT_FALSE(stun::parse(check().attribute(0x8001, Packet(1300)).fingerprint().take()));
}

/// Read by another implementation.
TEST(Stun, WritesChecks) {
    stun::Writer writer(stun::Type::Request, kTransaction);
    writer.username("evtj:h6vY");
    writer.priority(0x6e0001ff);
    writer.controlled(0x932ff9b151263b36);
    const auto text = writer.finish(kPassword);
    const auto read = peer::stun::parse(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->type, peer::stun::BindingRequest);
    EXPECT_EQ(read->id, kTransaction);
    EXPECT_EQ(read->username, "evtj:h6vY");
    EXPECT_TRUE(peer::stun::authentic(text, *read, kPassword));
    EXPECT_EQ(test::value_of(text, test::Priority), from_hex("6e0001ff"));
    EXPECT_EQ(test::value_of(text, test::IceControlled), from_hex("932ff9b151263b36"));
    EXPECT_TRUE(stun::parse(text));
}

TEST(Stun, WritesErrors) {
    stun::Writer writer(stun::Type::Error, kTransaction);
    writer.error(stun::ErrorNumber::UnknownAttribute, "Unknown Attribute");
    writer.unknown_attribute(0x7fff);
    const auto text = writer.finish(kPassword);
    EXPECT_EQ(test::type_of(text), test::Error);
    EXPECT_EQ(peer::stun::parse(text)->error, 420);
    EXPECT_EQ(test::value_of(text, test::UnknownAttributes), from_hex("7fff"));
}

/// A user name that does not fit leaves a whole message without it.
TEST(Stun, LeavesOutWhatDoesNotFit) {
    stun::Writer writer(stun::Type::Request, kTransaction);
    writer.username(std::string(2000, 'u'));
    const auto text = writer.finish(kPassword);
    ASSERT_TRUE(stun::parse(text));
    EXPECT_TRUE(stun::parse(text)->username.empty());
}

}  // namespace
}  // namespace sluice::ice
