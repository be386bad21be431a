#pragma once

#include <memory>

#include <glib.h>

namespace sluice::glib {

/// For C types that are freed rather than counted: Owned<GKeyFile, g_key_file_unref>.
template <auto Free>
struct FreeWith {
    template <typename T>
    void operator()(T* p) const {
        Free(p);
    }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;
using OwnedString = Owned<char, g_free>;
using OwnedError = Owned<GError, g_error_free>;

}  // namespace sluice::glib
