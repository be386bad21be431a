#include "base/field_reader.h"

#include <utility>

namespace sluice {

using json::Kind;

FieldReader::FieldReader(json::Value value)
    : FieldReader(std::move(value), {}, std::make_shared<std::vector<Error>>()) {}

FieldReader::FieldReader(json::Value value, std::string path, std::shared_ptr<std::vector<Error>> errors)
    : object_(std::move(value)), path_(std::move(path)), errors_(std::move(errors)) {
    if (object_.kind != Kind::Object && path_.empty())
        errors_->push_back({ErrorCode::InvalidArgument, "the body must be a JSON object"});
}

void FieldReader::fail(std::string_view name, std::string_view complaint) {
    errors_->push_back({ErrorCode::InvalidArgument, std::string(complaint), path_ + std::string(name)});
}

const json::Value* FieldReader::take(const char* name) {
    seen_.insert(name);
    if (!has(name))
        return nullptr;
    return &object_.members.find(name)->second;
}

bool FieldReader::has(const char* name) const {
    return object_.members.contains(name);
}

std::string FieldReader::decode(const char* name, const json::Value& value) {
    auto text = json::decoded(value);
    if (!text)
        fail(name, "is not acceptable JSON: " + text.error().message);
    return text ? *std::move(text) : "";
}

std::string FieldReader::string(const char* name) {
    const json::Value* value = take(name);
    if (!value)
        fail(name, "is required");
    else if (value->kind != Kind::String)
        fail(name, "must be a string");
    else if (auto text = decode(name, *value); text.find('\0') != std::string::npos)
        fail(name, "must not contain U+0000");
    else
        return text;
    return {};
}

std::optional<bool> FieldReader::boolean(const char* name) {
    const json::Value* value = take(name);
    if (!value)
        return std::nullopt;
    if (value->kind != Kind::Boolean)
        fail(name, "must be true or false");
    return value->text == "true";
}

std::optional<std::string> FieldReader::id(const char* name) {
    const json::Value* value = take(name);
    if (!value)
        return std::nullopt;
    if (value->kind == Kind::String)
        return decode(name, *value);
    if (value->kind != Kind::Number || value->text.find_first_of(".eE") != std::string_view::npos)
        fail(name, "must be a string or an integer");
    return std::string(value->text);
}

std::optional<std::string> FieldReader::text(const char* name, size_t max_bytes) {
    const json::Value* value = take(name);
    if (!value)
        return std::nullopt;
    if (value->text.size() > max_bytes)
        fail(name, "is " + std::to_string(value->text.size()) + " bytes long; at most " +
                       std::to_string(max_bytes) + " are allowed");
    return std::string(value->text);
}

std::optional<FieldReader> FieldReader::object(const char* name) {
    const json::Value* value = take(name);
    if (!value)
        return std::nullopt;
    auto object = json::parse(value->text);
    if (!object)
        fail(name, "is not acceptable JSON: " + object.error().message);
    else if (object->kind != Kind::Object)
        fail(name, "must be an object");
    return FieldReader(object ? *std::move(object) : json::Value(), path_ + name + ".", errors_);
}

Status FieldReader::finish() {
    for (const auto& [name, value] : object_.members)
        if (!seen_.contains(name))
            fail(name, "is not a known member");
    if (errors_->empty())
        return Ok{};
    return errors_->front();
}

}  // namespace sluice
