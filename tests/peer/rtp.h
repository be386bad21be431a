#pragma once

#include <optional>
#include <string>

#include "peer/bytes.h"
#include "peer/loop.h"

/// RTP packets (RFC 3550, RFC 8285), the VP8 payload (RFC 7741), and the mark that tells a receiver who sent
/// what when.
namespace sluice::peer::rtp {

/// Header extensions as negotiated; id 0: not sent.
struct ExtensionIds {
    int audio_level = 0;
    int abs_send_time = 0;
    int transport_cc = 0;
    int mid = 0;
};

struct Header {
    uint8_t payload_type = 0;
    bool marker = false;
    uint16_t sequence = 0;
    uint32_t timestamp = 0;
    uint32_t ssrc = 0;
};

struct Extensions {
    uint16_t transport_sequence = 0;
    std::string mid;
};

void write_header(Writer& out, const Header& header, const ExtensionIds& ids, const Extensions& values);

struct Parsed {
    Header header;
    std::optional<uint16_t> transport_sequence;
    Bytes payload;  ///< Without padding.
    size_t header_size = 0;
};
/// nullopt: not a whole RTP packet. `transport_cc` is the extension's id, 0 for none.
std::optional<Parsed> parse(Bytes packet, int transport_cc);

/// The last octets of each payload: who sent it, its number among the packets of that track, and when.
struct Mark {
    static constexpr size_t kSize = 20;
    uint32_t track = 0;  ///< The SSRC it was sent with.
    uint32_t number = 0;
    Time sent{};
};
void write_mark(Writer& out, const Mark& mark);
std::optional<Mark> read_mark(Bytes payload);

/// The payload descriptor and, in a frame's first packet, the frame header.
void write_vp8(Writer& out, bool first_of_frame, bool key_frame, uint16_t picture_id);
struct Vp8 {
    bool first_of_frame = false;
    bool key_frame = false;  ///< Told by a frame's first packet only.
};
/// nullopt: not what write_vp8() wrote.
std::optional<Vp8> read_vp8(Bytes payload);

}  // namespace sluice::peer::rtp
