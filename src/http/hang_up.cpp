#include "http/hang_up.h"

#include <memory>
#include <utility>

#include "http/source.h"

namespace sluice::http {
namespace {

/// Owned by whichever operation on the stream is under way.
struct Parting {
    Object<GIOStream> stream;
    std::string last_words;
    std::function<void()> sent;
    Object<GCancellable> cancellable{g_cancellable_new()};
    Source limit;

    ~Parting() { g_io_stream_close_async(stream.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr); }

    void limit_to(std::chrono::seconds time) {
        limit = timer(time, [this] { g_cancellable_cancel(cancellable.get()); });
    }
};

void discard(std::unique_ptr<Parting> parting) {
    constexpr size_t kChunkBytes = 1 << 16;
    GInputStream* input = g_io_stream_get_input_stream(parting->stream.get());
    GCancellable* cancellable = parting->cancellable.get();
    g_input_stream_skip_async(
        input, kChunkBytes, G_PRIORITY_LOW, cancellable,
        [](GObject* source, GAsyncResult* result, gpointer data) {
            std::unique_ptr<Parting> parting(static_cast<Parting*>(data));
            if (g_input_stream_skip_finish(G_INPUT_STREAM(source), result, nullptr) > 0)
                discard(std::move(parting));
        },
        parting.release());
}

void linger(std::unique_ptr<Parting> parting) {
    parting->limit_to(kLingerLimit);
    if (G_IS_SOCKET_CONNECTION(parting->stream.get()))
        g_socket_shutdown(g_socket_connection_get_socket(G_SOCKET_CONNECTION(parting->stream.get())), FALSE,
                          TRUE, nullptr);
    discard(std::move(parting));
}

}  // namespace

void hang_up(Object<GIOStream> stream, std::string last_words, std::function<void()> sent) {
    auto parting = std::make_unique<Parting>();
    parting->stream = std::move(stream);
    parting->last_words = std::move(last_words);
    parting->sent = std::move(sent);
    parting->limit_to(kSendLimit);
    GOutputStream* output = g_io_stream_get_output_stream(parting->stream.get());
    GCancellable* cancellable = parting->cancellable.get();
    const std::string& words = parting->last_words;
    g_output_stream_write_all_async(
        output, words.data(), words.size(), G_PRIORITY_DEFAULT, cancellable,
        [](GObject* source, GAsyncResult* result, gpointer data) {
            std::unique_ptr<Parting> parting(static_cast<Parting*>(data));
            const bool all =
                g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, nullptr, nullptr);
            parting->sent();
            if (all)
                linger(std::move(parting));
        },
        parting.release());
}

}  // namespace sluice::http
