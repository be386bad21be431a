#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// The boxes of an MP4 file (ISO/IEC 14496-12), first of one in fragments, then of the same in one piece.
/// Pure functions.
namespace sluice::elements::mp4 {

using Bytes = std::vector<uint8_t>;

/// Of the movie; a track has its own.
inline constexpr uint32_t kTimescale = 90'000;

struct Sample {
    uint32_t size = 0;
    uint32_t duration = 0;  ///< In the track's timescale; up to the next sample, a gap included.
    bool sync = true;       ///< A decoder can begin there.
};

struct Chunk {
    uint64_t offset;  ///< In the file.
    uint32_t samples;
};

struct Track {
    uint32_t id = 1;
    bool video = false;
    uint32_t timescale = kTimescale;
    uint32_t width = 0, height = 0;  ///< Video, in pixels.
    Bytes entry;                     ///< Its box in "stsd".

    uint64_t start = 0;     ///< The time of its first sample, in its timescale.
    uint64_t duration = 0;  ///< Of all samples.
    std::vector<Sample> samples;
    std::vector<Chunk> chunks;
};

/// What of a track stands in a fragment.
struct Run {
    uint32_t track;
    uint64_t time;  ///< Of its first sample, in the track's timescale.
    std::vector<Sample> samples;
};

/// "ftyp".
Bytes file_type();
/// "moov" of a file in fragments: no samples.
Bytes movie_to_come(const std::vector<const Track*>& tracks);
/// "moof" and the header of "mdat", which the samples of all runs follow in this order.
Bytes fragment(uint32_t number, const std::vector<Run>& runs);
/// "moov" of a file in one piece.
Bytes whole_movie(const std::vector<const Track*>& tracks);
/// The header of an "mdat" that long, 16 bytes of its own included: in place of the start of movie_to_come(),
/// it makes data of everything from there to whole_movie().
Bytes data_header(uint64_t size);

/// Boxes for "stsd". `config` is "avcC" as H264's caps have it (ISO/IEC 14496-15).
Bytes h264_entry(uint32_t width, uint32_t height, const Bytes& config);
/// VP Codec ISO Media File Format Binding 1.0. `depth` in bits; 4:2:0, as browsers send.
Bytes vp9_entry(uint32_t width, uint32_t height, uint8_t profile, uint8_t depth);
/// AV1 Codec ISO Media File Format Binding 1.2. Of a temporal unit that begins a sequence; empty: it does
/// not.
Bytes av1_entry(uint32_t width, uint32_t height, const uint8_t* unit, size_t size);
/// Encapsulation of Opus in ISO Base Media File Format 0.8.1.
Bytes opus_entry(uint8_t channels);

}  // namespace sluice::elements::mp4
