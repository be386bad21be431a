#include "base/field_reader.h"

#include <memory>
#include <utility>

namespace sluice {

FieldReader::FieldReader(JsonNode* node) : FieldReader(node, {}, std::make_shared<std::vector<Error>>()) {}

FieldReader::FieldReader(JsonNode* node, std::string path, std::shared_ptr<std::vector<Error>> errors)
    : path_(std::move(path)), errors_(std::move(errors)) {
    if (node && JSON_NODE_HOLDS_OBJECT(node))
        object_ = json_node_get_object(node);
    else if (node)
        fail(path_, "must be an object");
}

std::string FieldReader::path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void FieldReader::fail(const std::string& path, std::string message) {
    errors_->push_back({ErrorCode::InvalidArgument, std::move(message), path});
}

JsonNode* FieldReader::take(const char* name, bool required) {
    seen_.insert(name);
    JsonNode* node = object_ ? json_object_get_member(object_, name) : nullptr;
    if (!node && required && object_)
        fail(path_of(name), "is required");
    return node;
}

std::string FieldReader::string(const char* name) {
    JsonNode* node = take(name, true);
    if (!node)
        return {};
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
        return json_node_get_string(node);
    fail(path_of(name), "must be a string");
    return {};
}

std::string FieldReader::string_or(const char* name, std::string fallback) {
    return take(name, false) ? string(name) : std::move(fallback);
}

int64_t FieldReader::integer(const char* name, int64_t min, int64_t max) {
    JsonNode* node = take(name, true);
    if (!node)
        return min;
    const bool whole = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64;
    const int64_t value = whole ? json_node_get_int(node) : 0;
    if (!whole || value < min || value > max) {
        fail(path_of(name), "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
        return min;
    }
    return value;
}

int64_t FieldReader::integer_or(const char* name, int64_t fallback, int64_t min, int64_t max) {
    return take(name, false) ? integer(name, min, max) : fallback;
}

bool FieldReader::boolean_or(const char* name, bool fallback) {
    JsonNode* node = take(name, false);
    if (!node)
        return fallback;
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN)
        return json_node_get_boolean(node);
    fail(path_of(name), "must be true or false");
    return fallback;
}

FieldReader FieldReader::object(const char* name) {
    return FieldReader(take(name, true), path_of(name), errors_);
}

std::vector<FieldReader> FieldReader::objects(const char* name) {
    std::vector<FieldReader> items;
    JsonNode* node = take(name, true);
    if (!node)
        return items;
    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        fail(path_of(name), "must be an array");
        return items;
    }
    JsonArray* array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++)
        items.push_back(FieldReader(json_array_get_element(array, i),
                                    path_of(name) + "[" + std::to_string(i) + "]", errors_));
    return items;
}

Status FieldReader::finish() {
    if (object_) {
        JsonObjectIter iter;
        const char* name = nullptr;
        json_object_iter_init_ordered(&iter, object_);
        while (json_object_iter_next_ordered(&iter, &name, nullptr))
            if (!seen_.contains(name))
                fail(path_of(name), "is not a known field");
    }
    if (errors_->empty())
        return Ok{};
    return errors_->front();
}

}  // namespace sluice
