#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::media {

/// A time in which nothing came of a track, from the start of its file.
struct Gap {
    std::string track;  ///< "audio", "video"
    uint64_t at_ms = 0;
    uint64_t duration_ms = 0;
};

/// What stands in the JSON file beside a recorded one.
struct Sidecar {
    std::string room;
    std::string user;
    std::string user_info;  ///< JSON text.
    std::string branch;
    std::string audio_codec;  ///< Empty: no such track.
    std::string video_codec;
    std::string started;  ///< Wall clock, RFC 3339 with milliseconds.
    unsigned segment = 1;
    std::string finisher;  ///< Makes a whole file of a torn one (a template); empty: it is whole.

    std::optional<uint64_t> duration_ms;  ///< Once it has ended.
    std::vector<Gap> gaps;
    std::string ended;                  ///< How; empty: it has not.
    std::vector<std::string> segments;  ///< The earlier files of the same recording, and this one.
};
std::string to_json(const Sidecar& sidecar);
/// The same of a text that to_json() made, with its end told.
Result<std::string> with_end(const std::string& json, std::optional<uint64_t> duration_ms,
                             const std::string& ended);

/// With all above it.
Status make_folder_of(const std::string& path);
/// Writes a small file anew: it is whole and on the disk when it has returned, or as it was before.
Status write_whole(const std::string& path, const std::string& text);

/// One file that a branch writes. It is called NAME.part until it is whole, and locked by this process, so
/// that nobody else takes it for a left-over; NAME.part.json and NAME.json say what is in it. Every call may
/// wait for the disk: tear-down threads only, one at a time.
class RecordingFile {
public:
    /// Makes folders and an empty file. Where `path` or its .part is there already, "-2" and so on is put
    /// before the extension.
    static Result<std::unique_ptr<RecordingFile>> create(const std::string& path);
    ~RecordingFile();
    RecordingFile(const RecordingFile&) = delete;
    RecordingFile& operator=(const RecordingFile&) = delete;

    const std::string& path() const { return path_; }  ///< Its name once it is whole.
    std::string part() const { return path_ + ".part"; }

    Status describe(const Sidecar& sidecar);
    /// Brings what has been written to the disk; the size.
    Result<uint64_t> sync();
    /// Whole: gives it its name.
    Status finish(const Sidecar& sidecar);
    /// Nothing was recorded: takes it away.
    void discard();

private:
    RecordingFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

    std::string path_;
    int fd_;
};

}  // namespace sluice::media
