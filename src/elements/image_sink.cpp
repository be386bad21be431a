#include "elements/image_sink.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <glib/gstdio.h>
#include <gst/base/gstbasesink.h>

#include "elements/properties.h"

GST_DEBUG_CATEGORY_STATIC(sluice_image_sink_debug);
#define GST_CAT_DEFAULT sluice_image_sink_debug

namespace sluice::elements {
namespace {

namespace fs = std::filesystem;

enum Property { kLocation = 1 };

}  // namespace

struct ImageSink {
    GstBaseSink base;
    std::string* location;  ///< With the object lock.
    unsigned written;       ///< The number of the last one; streaming thread.
};
struct ImageSinkClass {
    GstBaseSinkClass parent;
};

G_DEFINE_TYPE(ImageSink, image_sink, GST_TYPE_BASE_SINK)

namespace {

ImageSink* as_sink(gpointer object) {
    return static_cast<ImageSink*>(object);
}

std::string location_of(ImageSink* self) {
    GST_OBJECT_LOCK(self);
    std::string location = *self->location;
    GST_OBJECT_UNLOCK(self);
    return location;
}

std::string numbered(const fs::path& path, unsigned number) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "-%05u", number);
    return (path.parent_path() / path.stem()).string() + digits + path.extension().string();
}

/// False: errno says why.
bool write_file(const std::string& path, GstBuffer* buffer) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    const auto size = write(fd, map.data, map.size);
    const bool whole = size == static_cast<ssize_t>(map.size);
    if (size >= 0 && !whole)
        errno = ENOSPC;
    const int error = errno;
    gst_buffer_unmap(buffer, &map);
    close(fd);
    errno = error;
    return whole;
}

GstFlowReturn render(GstBaseSink* base, GstBuffer* buffer) {
    auto* self = as_sink(base);
    const auto location = location_of(self), part = location + ".part";
    bool done = write_file(part, buffer);
    while (done) {
        const auto name = numbered(location, ++self->written);
        if (renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0)
            return GST_FLOW_OK;
        done = errno == EEXIST;
    }
    GST_ELEMENT_ERROR(self, RESOURCE, WRITE,
                      ("%s cannot be written: %s", location.c_str(), g_strerror(errno)), (nullptr));
    unlink(part.c_str());
    return GST_FLOW_ERROR;
}

gboolean start(GstBaseSink* base) {
    auto* self = as_sink(base);
    const auto location = location_of(self);
    const auto folder = fs::path(location).parent_path().string();
    if (location.empty() || (!folder.empty() && g_mkdir_with_parents(folder.c_str(), 0755) != 0)) {
        GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                          ("location \"%s\": %s", location.c_str(),
                           location.empty() ? "must not be empty" : g_strerror(errno)),
                          (nullptr));
        return FALSE;
    }
    self->written = 0;
    return TRUE;
}

void set_property(GObject* object, guint, const GValue* value, GParamSpec*) {
    const char* text = g_value_get_string(value);
    GST_OBJECT_LOCK(object);
    *as_sink(object)->location = text ? text : "";
    GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint, GValue* value, GParamSpec*) {
    g_value_set_string(value, location_of(as_sink(object)).c_str());
}

void finalize(GObject* object) {
    delete as_sink(object)->location;
    G_OBJECT_CLASS(image_sink_parent_class)->finalize(object);
}

}  // namespace

static void image_sink_class_init(ImageSinkClass* klass) {
    GST_DEBUG_CATEGORY_INIT(sluice_image_sink_debug, "sluiceimages", 0, "a file for each image");
    auto* object = G_OBJECT_CLASS(klass);
    auto* element = GST_ELEMENT_CLASS(klass);
    auto* base = GST_BASE_SINK_CLASS(klass);
    object->set_property = set_property;
    object->get_property = get_property;
    object->finalize = finalize;
    base->start = start;
    base->render = render;
    g_object_class_install_property(
        object, kLocation,
        g_param_spec_string("location", "Location",
                            "The files' name, before whose extension their number is put", "", kReadWrite));
    gst_element_class_set_static_metadata(element, "Sluice image sink", "Sink/File",
                                          "Writes each buffer into a file of its own", "sluice");
    static GstStaticPadTemplate sink =
        GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    gst_element_class_add_static_pad_template(element, &sink);
}

static void image_sink_init(ImageSink* self) {
    self->location = new std::string;
}

}  // namespace sluice::elements
