#include "sluice.h"

#include <memory>
#include <utility>

namespace demo {
namespace {

constexpr unsigned kTimeoutSeconds = 20;  // sluice itself answers after 15 s at the latest
constexpr int kConnections = 64;

Reply read_reply(SoupMessage* message, GBytes* bytes) {
    size_t size = 0;
    const auto* text = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    Json body = parse(text, size);
    if (!body)
        return problem(502, "Bad Gateway", "sluice's answer is not a JSON object");
    return {SOUP_STATUS_IS_SUCCESSFUL(soup_message_get_status(message)), body};
}

}  // namespace

Reply problem(int status, const char* title, const std::string& detail) {
    Json body = new_json();
    json_object_set_int_member(body.get(), "status", status);
    json_object_set_string_member(body.get(), "title", title);
    json_object_set_string_member(body.get(), "detail", detail.c_str());
    return {false, body};
}

Sluice::Sluice(std::string url, std::string token)
    : url_(std::move(url)),
      token_(std::move(token)),
      session_(soup_session_new_with_options("timeout", kTimeoutSeconds, "max-conns", kConnections,
                                             "max-conns-per-host", kConnections, nullptr)) {
    while (url_.ends_with('/')) url_.pop_back();
}

Sluice::~Sluice() {
    g_object_unref(session_);
}

void Sluice::call(const std::string& lane, std::string method, std::string path, Json body, Done done) {
    auto& calls = lanes_[lane];
    calls.push_back({std::move(method), std::move(path), std::move(body), std::move(done)});
    if (calls.size() == 1)
        start(lane);
}

void Sluice::start(const std::string& lane) {
    const Call& call = lanes_.at(lane).front();
    g_autoptr(SoupMessage) message = soup_message_new(call.method.c_str(), (url_ + call.path).c_str());
    if (call.body) {
        const std::string text = to_text(call.body);
        g_autoptr(GBytes) bytes = g_bytes_new(text.data(), text.size());
        soup_message_set_request_body_from_bytes(message, "application/json", bytes);
    }
    if (!token_.empty())
        soup_message_headers_append(soup_message_get_request_headers(message), "Authorization",
                                    ("Bearer " + token_).c_str());

    struct Pending {
        Sluice* self;
        std::string lane;
    };
    const auto on_answer = [](GObject* session, GAsyncResult* result, gpointer data) {
        const std::unique_ptr<Pending> pending(static_cast<Pending*>(data));
        auto& [self, lane] = *pending;
        g_autoptr(GError) error = nullptr;
        g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &error);
        auto* message = soup_session_get_async_result_message(SOUP_SESSION(session), result);
        const auto reply = bytes ? read_reply(message, bytes)
                                 : problem(503, "Service Unavailable",
                                           "sluice at " + self->url_ + " does not answer: " + error->message);
        auto& calls = self->lanes_.at(lane);
        const Call call = std::move(calls.front());
        call.done(reply);
        calls.pop_front();
        if (calls.empty())
            self->lanes_.erase(lane);
        else
            self->start(lane);
    };
    soup_session_send_and_read_async(session_, message, G_PRIORITY_DEFAULT, nullptr, on_answer,
                                     new Pending{this, lane});
}

}  // namespace demo
