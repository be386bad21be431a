#include "sfuload/http_client.h"

namespace sluice::load {
namespace {

constexpr guint kTimeoutSeconds = 30;
constexpr size_t kQuotedBytes = 300;

using OwnedBytes = glib::Owned<GBytes, g_bytes_unref>;

template <typename T>
std::unique_ptr<T, glib::FreeWith<g_object_unref>> owned(T* object) {
    return std::unique_ptr<T, glib::FreeWith<g_object_unref>>(object);
}

Error failed(const char* method, const std::string& path, const std::string& why) {
    return {ErrorCode::Internal, std::string(method) + " " + path + ": " + why};
}

}  // namespace

HttpClient::HttpClient(Target target) : target_(std::move(target)), context_(g_main_context_new()) {
    g_main_context_push_thread_default(context_);
    session_.reset(
        soup_session_new_with_options("timeout", kTimeoutSeconds, "user-agent", "sfuload", nullptr));
}

HttpClient::~HttpClient() {
    session_.reset();
    g_main_context_pop_thread_default(context_);
    g_main_context_unref(context_);
}

Result<Json> HttpClient::call(const char* method, const std::string& path, const std::string& body) {
    const auto message = owned(soup_message_new(method, (target_.url + path).c_str()));
    if (!message)
        return failed(method, path, target_.url + path + " is no URL");
    SoupMessageHeaders* headers = soup_message_get_request_headers(message.get());
    if (!target_.token.empty())
        soup_message_headers_append(headers, "Authorization", ("Bearer " + target_.token).c_str());
    if (!body.empty()) {
        const OwnedBytes bytes(g_bytes_new(body.data(), body.size()));
        soup_message_set_request_body_from_bytes(message.get(), "application/json", bytes.get());
    }
    GError* error = nullptr;
    const OwnedBytes answer(soup_session_send_and_read(session_.get(), message.get(), nullptr, &error));
    const glib::OwnedError why(error);
    if (!answer)
        return failed(method, path, why->message);
    gsize size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(answer.get(), &size));
    const std::string text(data ? data : "", size);
    const guint status = soup_message_get_status(message.get());
    if (status < 200 || status > 299)
        return failed(method, path, "HTTP " + std::to_string(status) + " " + text.substr(0, kQuotedBytes));
    Json json(json_from_string(text.c_str(), nullptr));
    if (!json || !JSON_NODE_HOLDS_OBJECT(json.get()))
        return failed(method, path, "the answer is no JSON object: " + text.substr(0, kQuotedBytes));
    return json;
}

std::string string_member(JsonObject* object, const char* name) {
    JsonNode* node = object ? json_object_get_member(object, name) : nullptr;
    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : "";
}

JsonObject* object_member(JsonObject* object, const char* name) {
    JsonNode* node = object ? json_object_get_member(object, name) : nullptr;
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : nullptr;
}

JsonArray* array_member(JsonObject* object, const char* name) {
    JsonNode* node = object ? json_object_get_member(object, name) : nullptr;
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : nullptr;
}

std::string uri_escaped(const std::string& segment) {
    const glib::OwnedString escaped(g_uri_escape_string(segment.c_str(), nullptr, FALSE));
    return escaped.get();
}

}  // namespace sluice::load
