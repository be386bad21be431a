#pragma once

#include <memory>
#include <utility>

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

/// A probe whose data is a `std::shared_ptr<T>*`, which lives as long as the probe.
template <typename T>
void add_probe_shared(GstPad* pad, GstPadProbeType type, GstPadProbeCallback callback,
                      std::shared_ptr<T> data) {
    gst_pad_add_probe(pad, type, callback, new std::shared_ptr<T>(std::move(data)),
                      [](gpointer kept) { delete static_cast<std::shared_ptr<T>*>(kept); });
}

}  // namespace sluice::gst
