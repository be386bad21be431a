#pragma once

#include <memory>

#include <gst/gst.h>

namespace sluice::gst {

/// Connects a plain C callback whose last argument is a `T*`; the connection owns a reference, so that
/// whatever thread emits last finds it alive.
template <typename T>
gulong connect_shared(gpointer object, const char* signal, GCallback callback, std::shared_ptr<T> data) {
    T* raw = data.get();
    struct Keep {
        std::shared_ptr<T> data;
    };
    GClosure* closure = g_cclosure_new(callback, raw, nullptr);
    g_closure_add_finalize_notifier(closure, new Keep{std::move(data)},
                                    [](gpointer keep, GClosure*) { delete static_cast<Keep*>(keep); });
    return g_signal_connect_closure(object, signal, closure, FALSE);
}

}  // namespace sluice::gst
