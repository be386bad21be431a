#pragma once

#include <memory>
#include <utility>

#include <gst/gst.h>

#include "base/owned.h"

namespace sluice::gst {

/// How to take and drop one reference. The default fits every GObject.
template <typename T>
struct RefOps {
    static void ref(T* p) { g_object_ref(p); }
    static void unref(T* p) { g_object_unref(p); }
    static bool floating(T* p) { return g_object_is_floating(p); }
};

/// GstCaps, GstMessage, GstPromise and the like are mini objects, not GObjects.
template <typename T>
struct MiniObjectOps {
    static void ref(T* p) { gst_mini_object_ref(GST_MINI_OBJECT_CAST(p)); }
    static void unref(T* p) { gst_mini_object_unref(GST_MINI_OBJECT_CAST(p)); }
    static bool floating(T*) { return false; }
};
template <>
struct RefOps<GstBuffer> : MiniObjectOps<GstBuffer> {};
template <>
struct RefOps<GstCaps> : MiniObjectOps<GstCaps> {};
template <>
struct RefOps<GstEvent> : MiniObjectOps<GstEvent> {};
template <>
struct RefOps<GstMessage> : MiniObjectOps<GstMessage> {};
template <>
struct RefOps<GstPromise> : MiniObjectOps<GstPromise> {};

/// One counted reference. There is no constructor from a raw pointer: the caller
/// says which "(transfer ...)" annotation the C function's documentation carries.
template <typename T>
class Ref {
public:
    Ref() = default;
    /// (transfer full): the reference is already ours.
    static Ref adopt(T* p) {
        g_assert(!p || !RefOps<T>::floating(p));
        return Ref(p);
    }
    /// (transfer none): somebody else's reference; take our own.
    static Ref retain(T* p) {
        if (p)
            RefOps<T>::ref(p);
        return Ref(p);
    }
    /// (transfer floating): a new element nobody owns yet; own it.
    static Ref sink(T* p) { return Ref(p ? static_cast<T*>(g_object_ref_sink(p)) : nullptr); }

    Ref(const Ref& other) : p_(other.p_) {
        if (p_)
            RefOps<T>::ref(p_);
    }
    Ref(Ref&& other) noexcept : p_(other.release()) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(p_, other.p_);
        return *this;
    }
    ~Ref() {
        if (p_)
            RefOps<T>::unref(p_);
    }

    T* get() const { return p_; }
    explicit operator bool() const { return p_ != nullptr; }
    /// Hands the reference to a C function that takes "(transfer full)".
    [[nodiscard]] T* release() { return std::exchange(p_, nullptr); }
    /// For C out-parameters that store a new reference, as g_object_get() does.
    T** out() {
        *this = Ref();
        return &p_;
    }

private:
    explicit Ref(T* p) : p_(p) {}
    T* p_ = nullptr;
};

using glib::Owned;
using glib::OwnedError;
using glib::OwnedString;

}  // namespace sluice::gst
