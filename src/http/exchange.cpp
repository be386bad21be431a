#include "http/exchange.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "http/hang_up.h"

namespace sluice::http {
namespace {

constexpr const char* kKey = "sluice-exchange";

std::string request_id(const char* offered) {
    constexpr size_t kMaxLength = 64;
    const std::string_view id = offered ? offered : "";
    const bool usable =
        !id.empty() && id.size() <= kMaxLength && std::all_of(id.begin(), id.end(), [](char c) {
            return g_ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
        });
    if (usable)
        return std::string(id);
    const std::unique_ptr<char, decltype(&g_free)> made(g_uuid_string_random(), g_free);
    return made.get();
}

bool has_body(SoupMessageHeaders* headers) {
    return soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CHUNKED ||
           soup_message_headers_get_content_length(headers) > 0;
}

/// Nothing, when the body may be read as JSON.
std::optional<std::string> fault_of_content(SoupMessageHeaders* headers) {
    GHashTable* found = nullptr;
    const char* type = soup_message_headers_get_content_type(headers, &found);
    const std::unique_ptr<GHashTable, decltype(&g_hash_table_unref)> parameters(found, g_hash_table_unref);
    if (!type || g_ascii_strcasecmp(type, "application/json") != 0)
        return "the Content-Type of a body must be application/json";
    const auto* charset = static_cast<const char*>(g_hash_table_lookup(parameters.get(), "charset"));
    if (charset && g_ascii_strcasecmp(charset, "utf-8") != 0)
        return std::string("the charset must be utf-8, not ") + charset;
    const char* encoding = soup_message_headers_get_one(headers, "Content-Encoding");
    if (encoding && g_ascii_strcasecmp(encoding, "identity") != 0)
        return std::string("the Content-Encoding must be identity, not ") + encoding;
    return std::nullopt;
}

Response too_large(size_t bytes, size_t limit) {
    return problem(
        SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
        "the body has " + std::to_string(bytes) + " bytes or more; the limit is " + std::to_string(limit));
}

}  // namespace

std::shared_ptr<Exchange> Exchange::begin(SoupServerMessage* message, const Scheduler& scheduler,
                                          Limits limits) {
    auto exchange = std::make_shared<Exchange>(message, scheduler, limits);
    g_object_set_data_full(G_OBJECT(message), kKey, new std::shared_ptr<Exchange>(exchange),
                           [](gpointer data) { delete static_cast<std::shared_ptr<Exchange>*>(data); });
    exchange->limit_ = timer(limits.read, [weak = exchange->weak_from_this()] {
        if (const auto self = weak.lock())
            self->refuse(problem(SOUP_STATUS_REQUEST_TIMEOUT, "the request did not arrive in time"));
    });
    return exchange;
}

Exchange& Exchange::of(SoupServerMessage* message) {
    return **static_cast<std::shared_ptr<Exchange>*>(g_object_get_data(G_OBJECT(message), kKey));
}

Exchange::Exchange(SoupServerMessage* message, const Scheduler& scheduler, Limits limits)
    : message_(message), scheduler_(scheduler), limits_(limits) {
    // What libsoup says by itself to something that is not HTTP has a status, but no body.
    const std::string unreadable = json::object(
        {{"type", json::quoted("about:blank")}, {"title", json::quoted("The request is not readable HTTP")}});
    soup_server_message_set_response(message_, "application/problem+json", SOUP_MEMORY_COPY,
                                     unreadable.data(), unreadable.size());
    g_signal_connect(message_, "got-chunk", G_CALLBACK(+[](SoupServerMessage*, GBytes* chunk, gpointer self) {
                         static_cast<Exchange*>(self)->chunk_read(g_bytes_get_size(chunk));
                     }),
                     this);
}

Exchange::~Exchange() {
    if (ended_)
        ended_();
}

void Exchange::headers_read(const Tokens& tokens) {
    started_ = scheduler_.now();
    SoupMessageHeaders* headers = soup_server_message_get_request_headers(message_);
    id_ = request_id(soup_message_headers_get_one(headers, "X-Request-Id"));
    match_ = match(soup_server_message_get_method(message_),
                   g_uri_get_path(soup_server_message_get_uri(message_)));
    // Or libsoup would answer with pieces of the answer.
    soup_message_headers_remove(headers, "Range");

    const bool open_to_all = tokens.empty() || (match_.route && !match_.route->needs_token);
    if (!open_to_all && !tokens.accept(soup_message_headers_get_one(headers, "Authorization")))
        return refuse(problem(SOUP_STATUS_UNAUTHORIZED, "a valid bearer token is required"));
    const goffset announced = soup_message_headers_get_content_length(headers);
    if (announced > 0 && static_cast<size_t>(announced) > limits_.body_bytes)
        refuse(too_large(static_cast<size_t>(announced), limits_.body_bytes));
}

void Exchange::chunk_read(size_t bytes) {
    body_bytes_ += bytes;
    if (body_bytes_ > limits_.body_bytes)
        refuse(too_large(body_bytes_, limits_.body_bytes));
}

void Exchange::refuse(const Response& response) {
    if (soup_server_message_get_method(message_) &&
        !has_body(soup_server_message_get_request_headers(message_)))
        return answer(response);
    state_ = State::Answered;
    write_log(response.status);
    std::string text =
        "HTTP/1.1 " + std::to_string(response.status) + " " + soup_status_get_phrase(response.status);
    for (const auto& [name, value] : response.headers)
        text.append("\r\n").append(name).append(": ").append(value);
    text += "\r\nConnection: close\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n\r\n";
    const auto self =
        shared_from_this();  // The message, and with it this, ends with the loss of its connection.
    hang_up(Object<GIOStream>(soup_server_message_steal_connection(message_)), text + response.body);
}

void Exchange::handle(rooms::Rooms& rooms, std::function<void()> ended) {
    state_ = State::Handling;
    ended_ = std::move(ended);
    const std::weak_ptr<Exchange> weak = weak_from_this();
    limit_ = timer(limits_.deadline, [weak] {
        if (const auto self = weak.lock())
            self->answer(problem(SOUP_STATUS_GATEWAY_TIMEOUT, "the call did not come to an end in time"));
    });
    if (match_.allowed.empty())
        return answer(problem(SOUP_STATUS_NOT_FOUND, "there is no such route"));
    if (!match_.route) {
        Response response =
            problem(SOUP_STATUS_METHOD_NOT_ALLOWED, "the methods of this route are " + match_.allowed);
        response.headers.emplace_back("Allow", match_.allowed);
        return answer(response);
    }
    if (match_.fault)
        return answer(problem(*match_.fault));
    if (body_bytes_ > 0)
        if (auto fault = fault_of_content(soup_server_message_get_request_headers(message_)))
            return answer(problem(SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE, *fault));

    const std::unique_ptr<GBytes, decltype(&g_bytes_unref)> body(
        soup_message_body_flatten(soup_server_message_get_request_body(message_)), g_bytes_unref);
    size_t size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(body.get(), &size));
    match_.call.body = {data, size};
    match_.route->handle(rooms, match_.call, Reply([weak](Result<std::string> result) {
                             if (const auto self = weak.lock())
                                 self->answer(result ? success(std::move(*result)) : problem(result.error()));
                         }));
    match_.call.body = {};
    if (state_ == State::Handling) {
        paused_ = true;
        soup_server_message_pause(message_);
    }
}

void Exchange::answer(const Response& response) {
    if (state_ == State::Answered)
        return;
    state_ = State::Answered;
    limit_.reset();
    write_log(response.status);
    soup_server_message_set_status(message_, response.status, nullptr);
    SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
    for (const auto& [name, value] : response.headers)
        soup_message_headers_replace(headers, name.c_str(), value.c_str());
    soup_message_headers_replace(headers, "X-Request-Id", id_.c_str());
    SoupMessageBody* body = soup_server_message_get_response_body(message_);
    soup_message_body_truncate(body);
    soup_message_body_append(body, SOUP_MEMORY_COPY, response.body.data(), response.body.size());
    if (paused_)
        soup_server_message_unpause(message_);
}

void Exchange::write_log(unsigned status) const {
    const char* method = soup_server_message_get_method(message_);
    if (!method)
        return;
    log::write(status < SOUP_STATUS_INTERNAL_SERVER_ERROR ? log::Level::Info : log::Level::Warning, "request",
               {{"method", method},
                {"path", g_uri_get_path(soup_server_message_get_uri(message_))},
                {"status", std::to_string(status)},
                {"duration_ms", std::to_string((scheduler_.now() - started_).count())},
                {"room", match_.call.room_id},
                {"user", match_.call.user_id},
                {"request", id_}});
}

}  // namespace sluice::http
