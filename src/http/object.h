#pragma once

#include <glib-object.h>

#include "base/owned.h"

namespace sluice::http {

/// One reference to a GObject, made from a "(transfer full)" pointer.
template <typename T>
using Object = glib::Owned<T, g_object_unref>;

/// Another reference to somebody else's object.
template <typename T>
Object<T> retain(T* object) {
    return Object<T>(static_cast<T*>(g_object_ref(object)));
}

}  // namespace sluice::http
