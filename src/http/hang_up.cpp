#include "http/hang_up.h"

#include <memory>
#include <utility>

namespace sluice::http {
namespace {

/// Owned by whichever operation on the stream is under way.
struct Parting {
    Object<GIOStream> stream;
    std::string last_words;
    Object<GCancellable> cancellable{g_cancellable_new()};
    Source limit;

    ~Parting() { g_io_stream_close_async(stream.get(), G_PRIORITY_DEFAULT, nullptr, nullptr, nullptr); }
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

}  // namespace

void hang_up(Object<GIOStream> stream, const std::string& last_words) {
    auto parting = std::make_unique<Parting>();
    parting->stream = std::move(stream);
    parting->last_words = last_words;
    GCancellable* cancellable = parting->cancellable.get();
    parting->limit = timer(kLingerTime, [cancellable] { g_cancellable_cancel(cancellable); });
    GOutputStream* output = g_io_stream_get_output_stream(parting->stream.get());
    const std::string& words = parting->last_words;
    g_output_stream_write_all_async(
        output, words.data(), words.size(), G_PRIORITY_DEFAULT, cancellable,
        [](GObject* source, GAsyncResult* result, gpointer data) {
            std::unique_ptr<Parting> parting(static_cast<Parting*>(data));
            if (g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, nullptr, nullptr))
                discard(std::move(parting));
        },
        parting.release());
}

}  // namespace sluice::http
