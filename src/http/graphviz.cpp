#include "http/graphviz.h"

#include <chrono>
#include <cstdlib>
#include <memory>
#include <sys/resource.h>
#include <utility>

#include <gio/gio.h>

#include "base/owned.h"
#include "http/object.h"
#include "http/source.h"

namespace sluice::http {
namespace {

constexpr std::chrono::seconds kLimit{10};
/// The media has the better use for processors.
constexpr int kNiceness = 10;
constexpr unsigned kMost = 2;
unsigned at_work = 0;

struct Drawing {
    explicit Drawing(Done<std::string> d) : done(std::move(d)) { at_work++; }
    ~Drawing() { at_work--; }
    Drawing(const Drawing&) = delete;
    Drawing& operator=(const Drawing&) = delete;

    Done<std::string> done;
    Object<GSubprocess> process;
    Source limit;
    bool late = false;
};

Error failed(const std::string& why) {
    return {ErrorCode::Internal, "graphviz could not draw the pipeline: " + why};
}

void on_end(GObject* process, GAsyncResult* result, gpointer data) noexcept {
    const std::unique_ptr<Drawing> drawing(static_cast<Drawing*>(data));
    GBytes* out = nullptr;
    GError* error = nullptr;
    const bool read = g_subprocess_communicate_finish(G_SUBPROCESS(process), result, &out, nullptr, &error);
    const glib::Owned<GBytes, g_bytes_unref> svg(out);
    const glib::OwnedError owned(error);
    if (drawing->late)
        return drawing->done(
            Error{ErrorCode::Timeout, "graphviz took longer than " + std::to_string(kLimit.count()) + " s"});
    if (!g_subprocess_get_successful(G_SUBPROCESS(process)))
        return drawing->done(failed("it does not like the description"));
    if (!read)
        return drawing->done(failed(error->message));
    gsize size = 0;
    const auto* text = static_cast<const char*>(g_bytes_get_data(svg.get(), &size));
    drawing->done(std::string(text ? text : "", size));
}

}  // namespace

void svg_of(const std::string& dot, Done<std::string> done) {
    if (at_work == kMost)
        return done(Error{ErrorCode::LimitReached,
                          std::to_string(kMost) + " drawings are being made, no more are made at a time"});
    GError* error = nullptr;
    Object<GSubprocess> process(g_subprocess_new(
        static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                      G_SUBPROCESS_FLAGS_STDERR_SILENCE),
        &error, "dot", "-Tsvg", nullptr));
    const glib::OwnedError owned(error);
    if (!process && g_error_matches(error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT))
        return done(Error{ErrorCode::NotInstalled,
                          "there is no program \"dot\" (Debian package graphviz); .dot and .txt do without"});
    if (!process)
        return done(failed(error->message));
    if (const char* id = g_subprocess_get_identifier(process.get()))
        setpriority(PRIO_PROCESS, static_cast<id_t>(std::strtoul(id, nullptr, 10)), kNiceness);
    auto drawing = std::make_unique<Drawing>(std::move(done));
    drawing->process = std::move(process);
    drawing->limit = timer(kLimit, [drawing = drawing.get()] {
        drawing->late = true;
        g_subprocess_force_exit(drawing->process.get());
    });
    const glib::Owned<GBytes, g_bytes_unref> input(g_bytes_new(dot.data(), dot.size()));
    auto* subprocess = drawing->process.get();
    g_subprocess_communicate_async(subprocess, input.get(), nullptr, on_end, drawing.release());
}

}  // namespace sluice::http
