#pragma once

#include <gst/gst.h>

namespace sluice::elements {

constexpr auto kReadable = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
constexpr auto kWritable = static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS);
constexpr auto kReadWrite = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);

/// A number that only grows.
inline void install_counter(GObjectClass* klass, guint id, const char* name, const char* blurb) {
    g_object_class_install_property(klass, id,
                                    g_param_spec_uint64(name, name, blurb, 0, G_MAXUINT64, 0, kReadable));
}

}  // namespace sluice::elements
