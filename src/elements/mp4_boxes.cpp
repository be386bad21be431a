#include "elements/mp4_boxes.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace sluice::elements::mp4 {
namespace {

constexpr uint32_t kOpusRate = 48'000;
constexpr uint8_t kDelimiterSize = 8;
constexpr uint32_t kSyncSample = 0x02000000;   // sample_depends_on: on none
constexpr uint32_t kOtherSample = 0x01010000;  // on others, and no sync sample

class Writer {
public:
    Writer& u8(uint64_t value) { return number(value, 1); }
    Writer& u16(uint64_t value) { return number(value, 2); }
    Writer& u32(uint64_t value) { return number(value, 4); }
    Writer& u64(uint64_t value) { return number(value, 8); }
    Writer& zeros(size_t count) {
        bytes_.insert(bytes_.end(), count, 0);
        return *this;
    }
    Writer& text(std::string_view text) {
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        return *this;
    }
    Writer& bytes(const Bytes& more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
        return *this;
    }
    /// A box around what `write` writes.
    template <typename Write>
    Writer& box(std::string_view type, Write write) {
        const size_t at = bytes_.size();
        u32(0).text(type);
        write();
        set(at, bytes_.size() - at);
        return *this;
    }
    template <typename Write>
    Writer& full_box(std::string_view type, unsigned version, uint32_t flags, Write write) {
        return box(type, [&] {
            u32(version << 24 | flags);
            write();
        });
    }
    void set(size_t at, uint64_t value) {
        for (size_t i = 0; i < 4; i++) bytes_[at + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
    }
    size_t size() const { return bytes_.size(); }
    Bytes take() { return std::move(bytes_); }

private:
    Writer& number(uint64_t value, unsigned size) {
        for (unsigned i = size; i-- > 0;) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
        return *this;
    }

    Bytes bytes_;
};

uint64_t in_movie_time(uint64_t value, const Track& track) {
    return value * kTimescale / track.timescale;
}

uint64_t end_of(const Track& track) {
    return in_movie_time(track.start + track.duration, track);
}

void unity_matrix(Writer& out) {
    out.u32(0x10000).zeros(12).u32(0x10000).zeros(12).u32(0x40000000);
}

void movie_header(Writer& out, uint64_t duration, size_t tracks) {
    out.full_box("mvhd", 1, 0, [&] {
        out.u64(0).u64(0).u32(kTimescale).u64(duration).u32(0x10000).u16(0x100).zeros(10);
        unity_matrix(out);
        out.zeros(24).u32(tracks + 1);
    });
}

void track_header(Writer& out, const Track& track, uint64_t duration) {
    constexpr uint32_t kEnabledInMovie = 3;
    out.full_box("tkhd", 1, kEnabledInMovie, [&] {
        out.u64(0).u64(0).u32(track.id).zeros(4).u64(duration).zeros(12);
        out.u16(track.video ? 0 : 0x100).zeros(2);
        unity_matrix(out);
        out.u32(track.width << 16).u32(track.height << 16);
    });
}

/// A track that begins later than the movie.
void edits(Writer& out, const Track& track) {
    out.box("edts", [&] {
        out.full_box("elst", 1, 0, [&] {
            out.u32(2);
            out.u64(in_movie_time(track.start, track)).u64(UINT64_MAX).u32(0x10000);
            out.u64(in_movie_time(track.duration, track)).u64(0).u32(0x10000);
        });
    });
}

/// Pairs of a count and a value.
template <typename Value>
void write_runs(Writer& out, const std::vector<Sample>& samples, Value value) {
    const size_t count_at = out.size();
    uint32_t count = 0;
    out.u32(0);
    for (auto first = samples.begin(); first != samples.end(); count++) {
        const auto end = std::find_if(first, samples.end(),
                                      [&](const Sample& each) { return value(each) != value(*first); });
        out.u32(static_cast<uint64_t>(end - first)).u32(value(*first));
        first = end;
    }
    out.set(count_at, count);
}

void sync_samples(Writer& out, const Track& track) {
    out.full_box("stss", 0, 0, [&] {
        out.u32(static_cast<uint64_t>(std::ranges::count_if(track.samples, &Sample::sync)));
        for (size_t i = 0; i < track.samples.size(); i++)
            if (track.samples[i].sync)
                out.u32(i + 1);
    });
}

void samples_per_chunk(Writer& out, const Track& track) {
    out.full_box("stsc", 0, 0, [&] {
        const size_t count_at = out.size();
        uint32_t count = 0, before = 0;
        out.u32(0);
        for (size_t i = 0; i < track.chunks.size(); i++) {
            if (track.chunks[i].samples == before)
                continue;
            before = track.chunks[i].samples;
            out.u32(i + 1).u32(before).u32(1);
            count++;
        }
        out.set(count_at, count);
    });
}

void sample_table(Writer& out, const Track& track) {
    out.box("stbl", [&] {
        out.full_box("stsd", 0, 0, [&] { out.u32(1).bytes(track.entry); });
        out.full_box("stts", 0, 0,
                     [&] { write_runs(out, track.samples, [](const Sample& s) { return s.duration; }); });
        if (track.video && !track.samples.empty())
            sync_samples(out, track);
        samples_per_chunk(out, track);
        out.full_box("stsz", 0, 0, [&] {
            out.u32(0).u32(track.samples.size());
            for (const auto& sample : track.samples) out.u32(sample.size);
        });
        out.full_box("co64", 0, 0, [&] {
            out.u32(track.chunks.size());
            for (const auto& chunk : track.chunks) out.u64(chunk.offset);
        });
    });
}

void media(Writer& out, const Track& track) {
    out.box("mdia", [&] {
        constexpr uint16_t kUndetermined = 0x55c4;
        out.full_box("mdhd", 1, 0, [&] {
            out.u64(0).u64(0).u32(track.timescale).u64(track.duration).u16(kUndetermined).u16(0);
        });
        out.full_box("hdlr", 0, 0, [&] { out.u32(0).text(track.video ? "vide" : "soun").zeros(12).u8(0); });
        out.box("minf", [&] {
            if (track.video)
                out.full_box("vmhd", 0, 1, [&] { out.zeros(8); });
            else
                out.full_box("smhd", 0, 0, [&] { out.zeros(4); });
            out.box("dinf", [&] {
                out.full_box("dref", 0, 0, [&] {
                    out.u32(1);
                    constexpr uint32_t kInThisFile = 1;
                    out.full_box("url ", 0, kInThisFile, [] {});
                });
            });
            sample_table(out, track);
        });
    });
}

void movie(Writer& out, const std::vector<const Track*>& tracks, bool whole) {
    out.box("moov", [&] {
        uint64_t duration = 0;
        for (const auto* track : tracks) duration = std::max(duration, end_of(*track));
        movie_header(out, whole ? duration : 0, tracks.size());
        for (const auto* track : tracks)
            out.box("trak", [&] {
                track_header(out, *track, whole ? end_of(*track) : 0);
                if (whole && track->start > 0)
                    edits(out, *track);
                media(out, *track);
            });
        if (!whole)
            out.box("mvex", [&] {
                for (const auto* track : tracks)
                    out.full_box("trex", 0, 0, [&] { out.u32(track->id).u32(1).zeros(12); });
            });
    });
}

/// A visual sample entry around the codec's own box.
template <typename Write>
Bytes picture_entry(std::string_view type, uint32_t width, uint32_t height, Write write_config) {
    Writer out;
    out.box(type, [&] {
        out.zeros(6).u16(1).zeros(16).u16(width).u16(height);
        constexpr uint32_t k72Dpi = 0x480000;
        out.u32(k72Dpi).u32(k72Dpi).zeros(4).u16(1).zeros(32).u16(24).u16(0xffff);
        write_config(out);
    });
    return out.take();
}

/// The lowest level of VP9 that has pictures of that size (luma samples, level times ten).
uint8_t vp9_level(uint64_t samples) {
    struct Level {
        uint64_t samples;
        uint8_t level;
    };
    constexpr Level kLevels[] = {{36'864, 10},  {73'728, 11},  {122'880, 20},   {245'760, 21},
                                 {552'960, 30}, {983'040, 31}, {2'228'224, 40}, {8'912'896, 50}};
    const auto* found =
        std::ranges::find_if(kLevels, [&](const Level& each) { return samples <= each.samples; });
    return found == std::end(kLevels) ? 60 : found->level;
}

/// Reads bits, the most significant first; zeros after the end.
class Bits {
public:
    Bits(const uint8_t* data, size_t size) : data_(data), size_(size * 8) {}
    uint32_t take(unsigned count) {
        uint32_t value = 0;
        for (unsigned i = 0; i < count; i++, at_++)
            value = value << 1 | (at_ < size_ ? data_[at_ / 8] >> (7 - at_ % 8) & 1U : 0U);
        return value;
    }

private:
    const uint8_t* data_;
    size_t size_, at_ = 0;
};

struct Obu {
    const uint8_t* begin;
    size_t header, size;  ///< Of the header, and of all.
    uint8_t type;
};

/// The first of a stream of them, each with its size (AV1 specification, section 5.3).
std::optional<Obu> first_obu(const uint8_t* data, size_t size) {
    if (size < 2 || !(data[0] & 2))
        return std::nullopt;
    size_t at = data[0] & 4 ? 2 : 1;
    uint64_t payload = 0;
    for (unsigned i = 0; i < 8 && at < size; i++) {
        const uint8_t byte = data[at++];
        payload |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return payload <= size - at ? std::optional(Obu{data, at, at + static_cast<size_t>(payload),
                                                            static_cast<uint8_t>(data[0] >> 3 & 15)})
                                        : std::nullopt;
    }
    return std::nullopt;
}

/// What stands in av1C before the sequence header (section 2.3.3), of that header (AV1 specification,
/// section 5.5).
std::array<uint8_t, 4> av1_config(const Obu& header) {
    Bits bits(header.begin + header.header, header.size - header.header);
    const uint32_t profile = bits.take(3);
    bits.take(1);  // still_picture
    const bool reduced = bits.take(1);
    uint32_t level = 31, tier = 0;  // 31: no limits; where timing information is in the way
    if (reduced)
        level = bits.take(5);
    else if (!bits.take(1)) {  // timing_info_present_flag
        bits.take(
            1 + 5 +
            12);  // initial_display_delay_present_flag, operating_points_cnt_minus_1, the first one's idc
        level = bits.take(5);
        tier = level > 7 ? bits.take(1) : 0;
    }
    // Browsers send 8 bits and 4:2:0.
    constexpr uint8_t kMarkerAndVersion = 0x81, k420 = 0x0c;
    return {kMarkerAndVersion, static_cast<uint8_t>(profile << 5 | level),
            static_cast<uint8_t>(tier << 7 | k420), 0};
}

}  // namespace

Bytes file_type() {
    Writer out;
    out.box("ftyp", [&] { out.text("isom").u32(0x200).text("isomiso6mp41"); });
    return out.take();
}

Bytes movie_to_come(const std::vector<const Track*>& tracks) {
    Writer out;
    movie(out, tracks, false);
    return out.take();
}

Bytes whole_movie(const std::vector<const Track*>& tracks) {
    Writer out;
    movie(out, tracks, true);
    return out.take();
}

Bytes data_header(uint64_t size) {
    Writer out;
    out.u32(1).text("mdat").u64(size);
    return out.take();
}

Bytes fragment(uint32_t number, const std::vector<Run>& runs) {
    constexpr uint32_t kBaseIsMoof = 0x020000, kDataOffset = 1, kDurationSizeAndFlags = 0x700;
    Writer out;
    std::vector<size_t> offsets_at;
    out.box("moof", [&] {
        out.full_box("mfhd", 0, 0, [&] { out.u32(number); });
        for (const auto& run : runs)
            out.box("traf", [&] {
                out.full_box("tfhd", 0, kBaseIsMoof, [&] { out.u32(run.track); });
                out.full_box("tfdt", 1, 0, [&] { out.u64(run.time); });
                out.full_box("trun", 0, kDataOffset | kDurationSizeAndFlags, [&] {
                    out.u32(run.samples.size());
                    offsets_at.push_back(out.size());
                    out.u32(0);
                    for (const auto& sample : run.samples)
                        out.u32(sample.duration)
                            .u32(sample.size)
                            .u32(sample.sync ? kSyncSample : kOtherSample);
                });
            });
    });
    const size_t header_at = out.size();
    size_t offset = header_at + kDelimiterSize;
    for (size_t i = 0; i < runs.size(); i++) {
        out.set(offsets_at[i], offset);
        for (const auto& sample : runs[i].samples) offset += sample.size;
    }
    out.u32(offset - header_at).text("mdat");
    return out.take();
}

Bytes h264_entry(uint32_t width, uint32_t height, const Bytes& config) {
    return picture_entry("avc1", width, height,
                         [&](Writer& out) { out.box("avcC", [&] { out.bytes(config); }); });
}

Bytes vp9_entry(uint32_t width, uint32_t height, uint8_t profile, uint8_t depth) {
    return picture_entry("vp09", width, height, [&](Writer& out) {
        constexpr uint8_t kUnspecified = 2, k420 = 1;
        out.full_box("vpcC", 1, 0, [&] {
            out.u8(profile).u8(vp9_level(uint64_t{width} * height));
            out.u8(static_cast<uint64_t>(depth) << 4 | k420 << 1);
            out.u8(kUnspecified).u8(kUnspecified).u8(kUnspecified).u16(0);
        });
    });
}

Bytes av1_entry(uint32_t width, uint32_t height, const uint8_t* unit, size_t size) {
    constexpr uint8_t kSequenceHeader = 1;
    while (const auto obu = first_obu(unit, size)) {
        if (obu->type == kSequenceHeader)
            return picture_entry("av01", width, height, [&](Writer& out) {
                out.box("av1C", [&] {
                    for (const uint8_t byte : av1_config(*obu)) out.u8(byte);
                    out.bytes(Bytes(obu->begin, obu->begin + obu->size));
                });
            });
        unit += obu->size;
        size -= obu->size;
    }
    return {};
}

Bytes opus_entry(uint8_t channels) {
    Writer out;
    out.box("Opus", [&] {
        out.zeros(6).u16(1).zeros(8).u16(channels).u16(16).zeros(4).u32(kOpusRate << 16);
        // No pre-skip: WebRTC has none, and time goes on as it was sent.
        out.box("dOps", [&] { out.u8(0).u8(channels).u16(0).u32(kOpusRate).u16(0).u8(0); });
    });
    return out.take();
}

}  // namespace sluice::elements::mp4
