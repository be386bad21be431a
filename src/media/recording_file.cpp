#include "media/recording_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/json.h"

namespace sluice::media {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMostNames = 1000;

Error failed(const std::string& what, const std::string& path) {
    return {ErrorCode::Internal, path + ": " + what + ": " + g_strerror(errno)};
}

/// "a/b.webm", 2: "a/b-2.webm"
std::string numbered(const std::string& path, unsigned number) {
    if (number == 1)
        return path;
    const fs::path whole(path);
    return (whole.parent_path() / (whole.stem().string() + "-" + std::to_string(number))).string() +
           whole.extension().string();
}

std::string gaps_json(const std::vector<Gap>& gaps) {
    std::vector<std::string> list;
    list.reserve(gaps.size());
    for (const auto& gap : gaps)
        list.push_back(json::object({{"track", json::quoted(gap.track)},
                                     {"atMs", std::to_string(gap.at_ms)},
                                     {"durationMs", std::to_string(gap.duration_ms)}}));
    return json::array(list);
}

std::optional<std::string> maybe_quoted(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(json::quoted(text));
}

}  // namespace

Status make_folder_of(const std::string& path) {
    const auto folder = fs::path(path).parent_path();
    std::error_code error;
    if (!folder.empty())
        fs::create_directories(folder, error);
    if (error)
        return Error{ErrorCode::Internal, folder.string() + ": cannot be made: " + error.message()};
    return Ok{};
}

Status write_whole(const std::string& path, const std::string& text) {
    const auto temporary = path + ".new";
    const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return failed("cannot be made", temporary);
    const bool written =
        write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fdatasync(fd) == 0;
    const int error = errno;
    close(fd);
    if (written && rename(temporary.c_str(), path.c_str()) == 0)
        return Ok{};
    errno = written ? errno : error;
    const auto said = failed("cannot be written", path);
    unlink(temporary.c_str());
    return said;
}

std::string to_json(const Sidecar& sidecar) {
    std::vector<std::string> segments;
    for (const auto& segment : sidecar.segments) segments.push_back(json::quoted(segment));
    const auto duration =
        sidecar.duration_ms ? std::optional(std::to_string(*sidecar.duration_ms)) : std::nullopt;
    return json::object({{"room", json::quoted(sidecar.room)},
                         {"user", json::quoted(sidecar.user)},
                         {"userInfo", sidecar.user_info},
                         {"branch", json::quoted(sidecar.branch)},
                         {"audioCodec", maybe_quoted(sidecar.audio_codec)},
                         {"videoCodec", maybe_quoted(sidecar.video_codec)},
                         {"started", json::quoted(sidecar.started)},
                         {"durationMs", duration},
                         {"gaps", gaps_json(sidecar.gaps)},
                         {"segment", std::to_string(sidecar.segment)},
                         {"segments", json::array(segments)},
                         {"finisher", maybe_quoted(sidecar.finisher)},
                         {"ended", maybe_quoted(sidecar.ended)}}) +
           "\n";
}

Result<std::string> with_end(const std::string& text, std::optional<uint64_t> duration_ms,
                             const std::string& ended) {
    // Elements of arrays are not kept by the parser, but their text is.
    const auto parsed = json::parse(text);
    if (!parsed)
        return parsed.error();
    std::string result = "{";
    for (const char* name : {"room", "user", "userInfo", "branch", "audioCodec", "videoCodec", "started",
                             "gaps", "segment", "segments"})
        if (const auto member = parsed->members.find(name); member != parsed->members.end())
            result += json::quoted(name) + ": " + std::string(member->second.text) + ", ";
    if (duration_ms)
        result += "\"durationMs\": " + std::to_string(*duration_ms) + ", ";
    return result + "\"ended\": " + json::quoted(ended) + "}\n";
}

Result<std::unique_ptr<RecordingFile>> RecordingFile::create(const std::string& path) {
    if (const auto made = make_folder_of(path); !made)
        return made.error();
    std::error_code error;
    for (unsigned number = 1; number <= kMostNames; number++) {
        const auto name = numbered(path, number);
        const auto part = name + ".part";
        if (fs::exists(name, error))
            continue;
        const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EEXIST)
            continue;
        if (fd < 0)
            return failed("cannot be made", part);
        flock(fd, LOCK_EX | LOCK_NB);
        return std::unique_ptr<RecordingFile>(new RecordingFile(name, fd));
    }
    return Error{ErrorCode::Internal, path + ": there are " + std::to_string(kMostNames) + " of that name"};
}

RecordingFile::~RecordingFile() {
    close(fd_);
}

Status RecordingFile::describe(const Sidecar& sidecar) {
    return write_whole(part() + ".json", to_json(sidecar));
}

Result<uint64_t> RecordingFile::sync() {
    struct stat now {};
    if (fdatasync(fd_) != 0 || fstat(fd_, &now) != 0)
        return failed("cannot be written", part());
    return static_cast<uint64_t>(now.st_size);
}

Status RecordingFile::finish(const Sidecar& sidecar) {
    if (const auto synced = sync(); !synced)
        return synced.error();
    if (const auto described = describe(sidecar); !described)
        return described.error();
    if (renameat2(AT_FDCWD, part().c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0)
        return failed("cannot be named " + path_, part());
    if (rename((part() + ".json").c_str(), (path_ + ".json").c_str()) != 0)
        return failed("cannot be named " + path_ + ".json", part() + ".json");
    return Ok{};
}

void RecordingFile::discard() {
    unlink(part().c_str());
    unlink((part() + ".json").c_str());
}

}  // namespace sluice::media
