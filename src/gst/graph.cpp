#include "gst/graph.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "gst/ref.h"

namespace sluice::gst {
namespace {

constexpr std::string_view kSecrets[] = {"password", "passphrase", "user-pw", "proxy-pw", "key",
                                         "pem",      "secret",     "token",   "user-id",  "proxy-id"};

bool before(const std::string& a, const std::string& b) {
    return strverscmp(a.c_str(), b.c_str()) < 0;
}

bool is_webrtcbin(GstElement* element) {
    return std::string_view(G_OBJECT_TYPE_NAME(element)) == "GstWebRTCBin";
}

/// What GStreamer gives to all objects of a kind says nothing of this one.
bool is_told_elsewhere(const GParamSpec& spec) {
    return spec.owner_type == GST_TYPE_OBJECT || spec.owner_type == GST_TYPE_PAD ||
           spec.owner_type == GST_TYPE_PROXY_PAD || spec.owner_type == GST_TYPE_GHOST_PAD;
}

bool is_plain(GType type) {
    switch (G_TYPE_FUNDAMENTAL(type)) {
        case G_TYPE_BOOLEAN:
        case G_TYPE_INT:
        case G_TYPE_UINT:
        case G_TYPE_INT64:
        case G_TYPE_UINT64:
        case G_TYPE_FLOAT:
        case G_TYPE_DOUBLE:
        case G_TYPE_STRING:
        case G_TYPE_ENUM:
        case G_TYPE_FLAGS:
            return true;
        default:
            return type == GST_TYPE_CAPS || type == GST_TYPE_FRACTION;
    }
}

Properties properties_of(GObject* object) {
    Properties properties;
    guint count = 0;
    const glib::Owned<GParamSpec*, g_free> specs(
        g_object_class_list_properties(G_OBJECT_GET_CLASS(object), &count));
    for (guint i = 0; i < count; i++) {
        GParamSpec* spec = specs.get()[i];
        if (!(spec->flags & G_PARAM_READABLE) || (spec->flags & G_PARAM_DEPRECATED) ||
            is_told_elsewhere(*spec) || !is_plain(spec->value_type))
            continue;
        GValue value = G_VALUE_INIT;
        g_value_init(&value, spec->value_type);
        g_object_get_property(object, spec->name, &value);
        if (!g_param_value_defaults(spec, &value)) {
            const glib::OwnedString text(gst_value_serialize(&value));
            const bool secret = std::ranges::find(kSecrets, spec->name) != std::end(kSecrets);
            if (text)
                properties.emplace_back(spec->name, secret ? "***" : text.get());
        }
        g_value_unset(&value);
    }
    std::ranges::sort(properties);
    return properties;
}

/// Copied under the lock, which is held for no longer than that.
template <typename T>
std::vector<Ref<T>> copied(gpointer owner, GList* const& list) {
    std::vector<Ref<T>> objects;
    GST_OBJECT_LOCK(owner);
    for (GList* at = list; at; at = at->next) objects.push_back(Ref<T>::retain(static_cast<T*>(at->data)));
    GST_OBJECT_UNLOCK(owner);
    return objects;
}

std::string name_of(gpointer object) {
    return glib::OwnedString(gst_object_get_name(GST_OBJECT(object))).get();
}

std::string path_of(GstObject* object) {
    const auto parent = Ref<GstObject>::adopt(gst_object_get_parent(object));
    const char* separator = GST_IS_PAD(object) ? "." : "/";
    return parent ? path_of(parent.get()) + separator + name_of(object) : name_of(object);
}

/// The sink that a pad is linked to; empty: none. Of a bin's pad it is the bin's own, not the proxy in it.
std::string sink_behind(GstPad* source) {
    auto peer = Ref<GstPad>::adopt(gst_pad_get_peer(source));
    if (!peer)
        return {};
    if (GST_IS_PROXY_PAD(peer.get()) && !GST_IS_GHOST_PAD(peer.get())) {
        const auto ghost = Ref<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(peer.get())));
        return ghost ? path_of(ghost.get()) : std::string();
    }
    return path_of(GST_OBJECT(peer.get()));
}

/// `open`: what is behind a bin's own pad is shown.
PadView look_at_pad(GstPad* pad, bool with_properties, bool open) {
    PadView view{.name = name_of(pad),
                 .path = path_of(GST_OBJECT(pad)),
                 .sink = {},
                 .caps = {},
                 .properties = with_properties ? properties_of(G_OBJECT(pad)) : Properties()};
    if (const auto now = Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad))) {
        // Bytes tell nobody anything.
        const auto caps = Ref<GstCaps>::adopt(gst_caps_copy(now.get()));
        gst_structure_remove_fields(gst_caps_get_structure(caps.get(), 0), "streamheader", "codec_data",
                                    nullptr);
        view.caps = glib::OwnedString(gst_caps_to_string(caps.get())).get();
    }
    if (GST_PAD_IS_SRC(pad)) {
        view.sink = sink_behind(pad);
    } else if (open && GST_IS_GHOST_PAD(pad)) {
        const auto proxy = Ref<GstProxyPad>::adopt(gst_proxy_pad_get_internal(GST_PROXY_PAD(pad)));
        if (proxy)
            view.sink = sink_behind(GST_PAD(proxy.get()));
    }
    return view;
}

/// `known`: it is not part of a webrtcbin.
ElementView look_at(GstElement* element, bool whole, bool known) {
    const bool closed = is_webrtcbin(element);
    const bool inside = known && !closed;
    const auto* factory = gst_element_get_factory(element);
    ElementView view{
        .factory = factory ? name_of(const_cast<GstElementFactory*>(factory)) : G_OBJECT_TYPE_NAME(element),
        .name = name_of(element),
        .path = path_of(GST_OBJECT(element)),
        .state = gst_element_state_get_name(GST_STATE(element)),
        .properties = inside ? properties_of(G_OBJECT(element)) : Properties(),
        .pads = {},
        .children = {}};
    for (const auto& pad : copied<GstPad>(element, element->pads))
        view.pads.push_back(look_at_pad(pad.get(), inside, inside || whole));
    if (GST_IS_BIN(element) && (!closed || whole))
        for (const auto& child : copied<GstElement>(element, GST_BIN(element)->children))
            view.children.push_back(look_at(child.get(), whole, inside));
    std::ranges::sort(view.pads, before, &PadView::name);
    std::ranges::sort(view.children, before, &ElementView::name);
    return view;
}

}  // namespace

ElementView look_at(GstElement* element, bool whole) {
    return look_at(element, whole, true);
}

}  // namespace sluice::gst
