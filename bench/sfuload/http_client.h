#pragma once

#include <memory>
#include <string>

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "base/owned.h"
#include "base/result.h"

namespace sluice::load {

using Json = glib::Owned<JsonNode, json_node_unref>;

/// Calls that wait for their answer; JSON both ways. Each thread has a client of its own.
class HttpClient {
public:
    struct Target {
        std::string url;    ///< What stands before every path: http://127.0.0.1:8080
        std::string token;  ///< Sent as "Authorization: Bearer ..."; empty: none.
    };

    explicit HttpClient(Target target);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// `body`: JSON text, or empty for none. An error unless the answer is 2xx and a JSON object.
    Result<Json> call(const char* method, const std::string& path, const std::string& body);

private:
    struct Unref {
        void operator()(gpointer object) const { g_object_unref(object); }
    };
    Target target_;
    GMainContext* context_;  ///< libsoup's, of this thread.
    std::unique_ptr<SoupSession, Unref> session_;
};

/// Members of a JSON object; "" or nullptr where there is none of that type.
std::string string_member(JsonObject* object, const char* name);
JsonObject* object_member(JsonObject* object, const char* name);
JsonArray* array_member(JsonObject* object, const char* name);
std::string uri_escaped(const std::string& segment);

}  // namespace sluice::load
