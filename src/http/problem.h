#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::http {

using Header = std::pair<std::string, std::string>;

/// What leaves the server for one request.
struct Response {
    unsigned status;
    std::string body;
    std::vector<Header> headers;
};

Response success(std::string body, std::string_view content_type);

/// application/problem+json (RFC 9457) of type about:blank: the status says what kind of problem it is.
Response problem(unsigned status, const std::string& detail, const std::string& field = {});
Response problem(const Error& error);

}  // namespace sluice::http
