#pragma once

#include <string>
#include <vector>

namespace sluice::http {

/// The bearer tokens (RFC 6750) that open the server. Compared in a time that depends on neither the tokens
/// nor on which of them matches: digests are compared, all of them, to the last byte.
class Tokens {
public:
    explicit Tokens(const std::vector<std::string>& tokens);
    bool empty() const { return digests_.empty(); }
    /// The value of an Authorization header, or null.
    bool accept(const char* authorization) const;

private:
    std::vector<std::string> digests_;
};

}  // namespace sluice::http
