#include "http/problem.h"

#include <optional>

#include <libsoup/soup.h>

#include "base/json.h"

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
                      {"detail", json::quoted_valid(detail)},
                      {"field", field.empty() ? std::nullopt : std::optional(json::quoted_valid(field))}});
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
