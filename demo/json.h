#pragma once

#include <memory>
#include <string>

#include <json-glib/json-glib.h>

/// The little JSON that a relay needs: it reads a few strings and passes all the rest on as it came.
namespace demo {

using Json = std::shared_ptr<JsonObject>;
using JsonList = std::shared_ptr<JsonArray>;

inline Json new_json() {
    return {json_object_new(), json_object_unref};
}

/// Null unless the text is one JSON object. Parsing and freeing are recursive: bound the depth before.
inline Json parse(const char* text, size_t length) {
    g_autoptr(JsonParser) parser = json_parser_new();
    if (!json_parser_load_from_data(parser, text, static_cast<gssize>(length), nullptr))
        return nullptr;
    JsonNode* root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return nullptr;
    return {json_node_dup_object(root), json_object_unref};
}

inline std::string to_text(const Json& json) {
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_set_object(node, json.get());
    g_autofree char* text = json_to_string(node, FALSE);
    return text;
}

/// Empty if there is no such member, or if it is no string.
inline std::string string_of(JsonObject* json, const char* name) {
    const char* value = json_object_get_string_member_with_default(json, name, nullptr);
    return value ? value : "";
}

/// A member that is absent is left out.
inline void copy(JsonObject* from, const char* name, JsonObject* to) {
    if (JsonNode* node = json_object_get_member(from, name))
        json_object_set_member(to, name, json_node_copy(node));
}

/// Takes an array out of the object; empty if there is none.
inline JsonList take_list(JsonObject* json, const char* name) {
    JsonNode* node = json_object_get_member(json, name);
    const bool there = node && JSON_NODE_HOLDS_ARRAY(node);
    JsonList list(there ? json_node_dup_array(node) : json_array_new(), json_array_unref);
    json_object_remove_member(json, name);
    return list;
}

}  // namespace demo
