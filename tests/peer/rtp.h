#pragma once

#include <optional>
#include <string>

#include "peer/bytes.h"
#include "peer/loop.h"

/// RTP packets (RFC 3550, RFC 8285), the beginnings of video payloads, and the mark that tells a receiver who
/// sent what when.
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
    unsigned extension_ids = 0;  ///< One bit for each id that is there (one-byte form).
    Bytes payload;               ///< Without padding.
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

/// What a payload of "VP8" (RFC 7741), "VP9" (RFC 9628), "H264" (RFC 6184) or "AV1" begins with, as far as it
/// tells where frames and key frames begin.
void write_frame(Writer& out, const std::string& codec, bool first_of_frame, bool key_frame,
                 uint16_t picture_id);
struct Frame {
    bool first_of_frame = false;
    bool key_frame = false;  ///< Told by a frame's first packet only.
};
/// nullopt: not what write_frame() wrote.
std::optional<Frame> read_frame(const std::string& codec, Bytes payload);

}  // namespace sluice::peer::rtp
