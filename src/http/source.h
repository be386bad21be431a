#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <glib.h>

namespace sluice::http {

struct DestroySource {
    void operator()(GSource* source) const {
        g_source_destroy(source);
        g_source_unref(source);
    }
};
/// A source of the main loop that goes when this does; its own callback may be what lets it go.
using Source = std::unique_ptr<GSource, DestroySource>;

/// Runs `task` once, after `delay`, on the thread-default main context.
Source timer(std::chrono::milliseconds delay, std::function<void()> task);

}  // namespace sluice::http
