// Any bytes of a TCP stream, cut anywhere: every frame comes out once, as it would from the whole.
#include <cstdlib>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ice/lite_peer.h"
#include "ice/tcp_connection.h"

using namespace sluice::ice;

namespace {

/// What RFC 4571 says is in `stream`; nothing follows a frame that is too long.
std::vector<std::vector<uint8_t>> frames_of(std::span<const uint8_t> stream) {
    std::vector<std::vector<uint8_t>> frames;
    while (stream.size() >= 2) {
        const size_t size = static_cast<size_t>(stream[0]) << 8 | stream[1];
        if (size > TcpConnection::kMaxFrame || stream.size() < 2 + size)
            break;
        if (size > 0)
            frames.emplace_back(stream.begin() + 2, stream.begin() + 2 + static_cast<std::ptrdiff_t>(size));
        stream = stream.subspan(2 + size);
    }
    return frames;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const int epoll = epoll_create1(EPOLL_CLOEXEC);
    static std::vector<uint8_t> buffer(TcpConnection::kBuffer);
    if (size < 1)
        return 0;
    const size_t step = data[0] + 1U;
    const std::span<const uint8_t> stream(data + 1, size - 1);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    std::vector<std::vector<uint8_t>> frames;
    {
        TcpConnection connection(ends[0], Endpoint(), epoll, 0);
        bool lives = true;
        for (size_t at = 0; at < stream.size() && lives; at += step) {
            const auto part = stream.subspan(at, std::min(step, stream.size() - at));
            if (write(ends[1], part.data(), part.size()) != static_cast<ssize_t>(part.size()))
                abort();
            lives = connection.read(buffer, [&](std::span<const uint8_t> frame) {
                frames.emplace_back(frame.begin(), frame.end());
                return true;
            });
        }
        connection.shut();
    }
    close(ends[1]);
    if (frames != frames_of(stream))
        abort();
    return 0;
}
