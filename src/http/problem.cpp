#include "http/problem.h"

#include <optional>

#include <glib.h>
#include <libsoup/soup.h>

#include "base/json.h"
#include "base/owned.h"

namespace sluice::http {
namespace {

unsigned status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::InvalidArgument:
            return SOUP_STATUS_BAD_REQUEST;
        case ErrorCode::NotFound:
            return SOUP_STATUS_NOT_FOUND;
        case ErrorCode::AlreadyExists:
        case ErrorCode::WrongState:
            return SOUP_STATUS_CONFLICT;
        case ErrorCode::Unacceptable:
            return SOUP_STATUS_UNPROCESSABLE_ENTITY;
        case ErrorCode::LimitReached:
            return SOUP_STATUS_SERVICE_UNAVAILABLE;
        case ErrorCode::Timeout:
            return SOUP_STATUS_GATEWAY_TIMEOUT;
        case ErrorCode::NotInstalled:
            return SOUP_STATUS_NOT_IMPLEMENTED;
        case ErrorCode::Internal:
            break;
    }
    return SOUP_STATUS_INTERNAL_SERVER_ERROR;
}

/// Details quote what came from outside, perhaps cut in the middle of a character.
std::string quoted_valid(const std::string& text) {
    const glib::OwnedString valid(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
    return json::quoted(valid.get());
}

}  // namespace

Response success(std::string body, std::string_view content_type) {
    return {SOUP_STATUS_OK, std::move(body), {{"Content-Type", std::string(content_type)}}};
}

Response problem(unsigned status, const std::string& detail, const std::string& field) {
    Response response{status, {}, {{"Content-Type", "application/problem+json"}}};
    response.body =
        json::object({{"type", json::quoted("about:blank")},
                      {"title", json::quoted(soup_status_get_phrase(status))},
                      {"status", std::to_string(status)},
                      {"detail", quoted_valid(detail)},
                      {"field", field.empty() ? std::nullopt : std::optional(quoted_valid(field))}});
    if (status == SOUP_STATUS_SERVICE_UNAVAILABLE)
        response.headers.emplace_back("Retry-After", "5");
    if (status == SOUP_STATUS_UNAUTHORIZED)
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
}

Response problem(const Error& error) {
    return problem(status_of(error.code),
                   error.field.empty() ? error.message : error.field + ": " + error.message, error.field);
}

}  // namespace sluice::http
