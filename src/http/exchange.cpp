#include "http/exchange.h"

#include <algorithm>
#include <string_view>
#include <sys/socket.h>
#include <utility>

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
    return glib::OwnedString(g_uuid_string_random()).get();
}

std::string now_as_http_date() {
    const glib::Owned<GDateTime, g_date_time_unref> now(g_date_time_new_now_utc());
    return glib::OwnedString(soup_date_time_to_string(now.get(), SOUP_DATE_HTTP)).get();
}

/// The announced length of a body, 0 when none is; nothing when it is no number, or two.
std::optional<uint64_t> announced_length(SoupMessageHeaders* headers) {
    const char* text = soup_message_headers_get_list(headers, "Content-Length");
    guint64 length = 0;
    if (text && !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &length, nullptr))
        return std::nullopt;
    return length;
}

/// What its client has closed may have been cut short between two header lines, which libsoup does not see.
bool is_half_closed(GIOStream* stream) {
    if (!G_IS_SOCKET_CONNECTION(stream))
        return false;
    char byte = 0;
    return recv(g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream))), &byte, 1,
                MSG_PEEK | MSG_DONTWAIT) == 0;
}

/// Nothing, when the body may be read as JSON.
std::optional<std::string> fault_of_content(SoupMessageHeaders* headers) {
    GHashTable* found = nullptr;
    const char* type = soup_message_headers_get_content_type(headers, &found);
    const glib::Owned<GHashTable, g_hash_table_unref> parameters(found);
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

std::weak_ptr<Exchange> Exchange::begin(SoupServerMessage* message, GIOStream* stream,
                                        const Scheduler& scheduler, Limits limits,
                                        std::shared_ptr<size_t> busy) {
    const auto exchange = std::make_shared<Exchange>(message, stream, scheduler, limits, std::move(busy));
    exchange->limit_ = timer(limits.read, [weak = exchange->weak_from_this()] {
        if (const auto self = weak.lock())
            self->answer(problem(SOUP_STATUS_REQUEST_TIMEOUT, "the request did not arrive in time"));
    });
    g_object_set_data_full(G_OBJECT(message), kKey,
                           std::make_unique<std::shared_ptr<Exchange>>(exchange).release(),
                           [](gpointer data) { delete static_cast<std::shared_ptr<Exchange>*>(data); });
    return exchange;
}

Exchange& Exchange::of(SoupServerMessage* message) {
    return **static_cast<std::shared_ptr<Exchange>*>(g_object_get_data(G_OBJECT(message), kKey));
}

Exchange::Exchange(SoupServerMessage* message, GIOStream* stream, const Scheduler& scheduler, Limits limits,
                   std::shared_ptr<size_t> busy)
    : message_(message),
      stream_(retain(stream)),
      scheduler_(scheduler),
      limits_(limits),
      id_(request_id(nullptr)),
      busy_(std::move(busy)) {
    // For what libsoup answers by itself: a request that is not HTTP.
    const auto unreadable = problem(SOUP_STATUS_BAD_REQUEST, "the request is not HTTP that can be read");
    SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
    for (const auto& [name, value] : headers_of(unreadable))
        soup_message_headers_replace(headers, name.c_str(), value.c_str());
    soup_message_body_append(soup_server_message_get_response_body(message_), SOUP_MEMORY_COPY,
                             unreadable.body.data(), unreadable.body.size());
}

void Exchange::headers_read(const Tokens& tokens) {
    started_ = scheduler_.now();
    SoupMessageHeaders* headers = soup_server_message_get_request_headers(message_);
    id_ = request_id(soup_message_headers_get_one(headers, "X-Request-Id"));
    match_ = match(soup_server_message_get_method(message_),
                   g_uri_get_path(soup_server_message_get_uri(message_)));
    // All that libsoup may have to say from now on is "100 Continue".
    soup_message_headers_clear(soup_server_message_get_response_headers(message_));

    const bool open_to_all = tokens.empty() || (match_.route && !match_.route->needs_token);
    if (!open_to_all && !tokens.accept(soup_message_headers_get_one(headers, "Authorization")))
        return answer(problem(SOUP_STATUS_UNAUTHORIZED, "a valid bearer token is required"));
    const auto announced = announced_length(headers);
    if (!announced)
        return answer(problem(SOUP_STATUS_BAD_REQUEST, "the Content-Length is not one number"));
    if (*announced > limits_.body_bytes)
        answer(too_large(*announced, limits_.body_bytes));
}

void Exchange::chunk_read(size_t bytes) {
    body_bytes_ += bytes;
    if (body_bytes_ > limits_.body_bytes)
        answer(too_large(body_bytes_, limits_.body_bytes));
}

void Exchange::handle(rooms::Rooms& rooms) {
    state_ = State::Handling;
    ++*busy_;
    soup_server_message_pause(message_);
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
    if (rooms.draining() && match_.route->needs_token)
        return refuse();
    if (body_bytes_ > 0)
        if (auto fault = fault_of_content(soup_server_message_get_request_headers(message_)))
            return answer(problem(SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE, *fault));
    if (body_bytes_ == 0 && match_.route->method != "GET" && is_half_closed(stream_.get()))
        return answer(
            problem(SOUP_STATUS_BAD_REQUEST, "the client has closed, perhaps in the middle of its request"));

    const glib::Owned<GBytes, g_bytes_unref> body(
        soup_message_body_flatten(soup_server_message_get_request_body(message_)));
    size_t size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(body.get(), &size));
    Call call = match_.call;
    call.body = {data, size};
    if (const char* query = g_uri_get_query(soup_server_message_get_uri(message_)))
        call.query = query;
    match_.route->handle(
        rooms, call,
        Reply(
            [weak](Result<std::string> result) {
                if (const auto self = weak.lock())
                    self->answer(result ? success(std::move(*result), self->match_.route->content_type)
                                        : problem(result.error()));
            },
            [weak] {
                const auto self = weak.lock();
                return self && self->state_ != State::Answered;
            }));
}

void Exchange::refuse() {
    answer(problem(SOUP_STATUS_SERVICE_UNAVAILABLE, "the server is draining"));
}

void Exchange::answer(const Response& response) {
    if (state_ == State::Answered)
        return;
    if (state_ == State::Reading)
        ++*busy_;
    state_ = State::Answered;
    limit_.reset();
    write_log(response.status);
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                       soup_status_get_phrase(response.status) + "\r\n";
    for (const auto& [name, value] : headers_of(response))
        text.append(name).append(": ").append(value).append("\r\n");
    text += "\r\n";
    if (soup_server_message_get_method(message_) != SOUP_METHOD_HEAD)
        text += response.body;
    // libsoup lets go of the connection, and with it of the message, which holds this.
    const auto self = shared_from_this();
    const Object<GIOStream> wrapped(soup_server_message_steal_connection(message_));
    hang_up(std::move(stream_), std::move(text), [busy = busy_] { --*busy; });
}

std::vector<Header> Exchange::headers_of(const Response& response) const {
    auto headers = response.headers;
    headers.emplace_back("Content-Length", std::to_string(response.body.size()));
    headers.emplace_back("Connection", "close");
    headers.emplace_back("Date", now_as_http_date());
    headers.emplace_back("X-Request-Id", id_);
    return headers;
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
