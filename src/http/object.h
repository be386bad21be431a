#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <gio/gio.h>

namespace sluice::http {

struct Unref {
    void operator()(gpointer object) const { g_object_unref(object); }
};
/// One reference to a GObject, made from a "(transfer full)" pointer.
template <typename T>
using Object = std::unique_ptr<T, Unref>;

/// Another reference to somebody else's object.
template <typename T>
Object<T> retain(T* object) {
    return Object<T>(static_cast<T*>(g_object_ref(object)));
}

struct DestroySource {
    void operator()(GSource* source) const {
        g_source_destroy(source);
        g_source_unref(source);
    }
};
/// A source of the main loop that goes when this does, its own callback's running included.
using Source = std::unique_ptr<GSource, DestroySource>;

/// Runs `task` once, after `delay`, on the thread-default main context.
Source timer(std::chrono::milliseconds delay, std::function<void()> task);

}  // namespace sluice::http
