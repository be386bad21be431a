#include "app/config_keys.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "ice/endpoint.h"

namespace sluice::app {
namespace {

using Strings = std::vector<std::string>;

constexpr long kMaxPort = 65535;

const Key kKeys[] = {
    {.name = "http.address",
     .unit = "",
     .meaning = "The address that REST listens on. Others than loopback need http.tokens or http.insecure.",
     .target = +[](Config& c) -> std::string& { return c.http.address; },
     .text = Key::Text::Address},
    {"http.port", "", "The TCP port of REST; 0 takes any free one, which the log tells.",
     +[](Config& c) -> uint16_t& { return c.http.port; }, 0, kMaxPort},
    {"http.tokens", "",
     "A file with bearer tokens, one a line; lines that begin with # are comments. Any token opens every "
     "route; without a file there is no authentication.",
     +[](Config& c) -> std::string& { return c.tokens_file; }},
    {"http.tls-certificate", "", "A PEM file with the certificate chain; with http.tls-key REST is HTTPS.",
     +[](Config& c) -> std::string& { return c.http.tls_certificate; }},
    {"http.tls-key", "", "A PEM file with its private key.",
     +[](Config& c) -> std::string& { return c.http.tls_key; }},
    {"http.insecure", "", "Allows another address than loopback without tokens.",
     +[](Config& c) -> bool& { return c.http.insecure; }},
    {"http.body-limit-bytes", "bytes", "A larger body is refused with 413.",
     +[](Config& c) -> size_t& { return c.http.body_limit_bytes; }, 16 * 1024, 64 * 1024 * 1024},
    {"http.deadline-s", "seconds", "A call that is not answered by then is answered 504.",
     +[](Config& c) -> std::chrono::seconds& { return c.http.deadline; }, 1, 300},
    {"ice.agent", "",
     "lite: one port for all, at an address that browsers reach. full: libnice with STUN and TURN, for "
     "servers that "
     "have none; each connection costs ports, descriptors and two threads more.",
     +[](Config& c) -> ice::Agent& { return c.ice.agent; }},
    {"ice.addresses", "",
     "Local addresses to offer, separated by commas; none: all but loopback and link-local ones, or loopback "
     "if "
     "there are no others.",
     +[](Config& c) -> Strings& { return c.ice.addresses; }},
    {.name = "ice.announced-address",
     .unit = "",
     .meaning = "Offered in place of the local addresses of its family: the public address of a 1:1 NAT.",
     .target = +[](Config& c) -> std::string& { return c.ice.announced_address; },
     .text = Key::Text::AddressOrNone},
    {"ice.port-min", "",
     "All media uses one port: the first free one from ice.port-min to ice.port-max. 0 for both takes "
     "any free one. The full agent takes one of them for each connection and address.",
     +[](Config& c) -> uint16_t& { return c.ice.port_min; }, 0, kMaxPort},
    {"ice.port-max", "", "See ice.port-min.", +[](Config& c) -> uint16_t& { return c.ice.port_max; }, 0,
     kMaxPort},
    {"ice.tcp-connections", "connections",
     "For browsers whose network blocks UDP, media may use TCP on the same port, in so many connections at "
     "most; "
     "0: none.",
     +[](Config& c) -> size_t& { return c.ice.tcp_connections; }, 0, 1'000'000},
    {.name = "ice.stun-server",
     .unit = "",
     .meaning = "For the full agent: asked for the address that the outside sees.",
     .target = +[](Config& c) -> std::string& { return c.ice.stun_server; },
     .text = Key::Text::Server},
    {.name = "ice.turn-server",
     .unit = "",
     .meaning = "For the full agent: relays for peers that are reached in no other way. With user:password@ "
                "before the host.",
     .target = +[](Config& c) -> std::string& { return c.ice.turn_server; },
     .text = Key::Text::Server},
    {"ice.consent-timeout-s", "seconds", "A peer that has sent no check for so long has failed.",
     +[](Config& c) -> std::chrono::seconds& { return c.ice.consent_timeout; }, 3, 300},
    {"media.latency-ms", "milliseconds",
     "How long a lost packet of a producer is waited for. Packets in order are not delayed by it.",
     +[](Config& c) -> std::chrono::milliseconds& { return c.media.latency; }, 20, 2000},
    {.name = "media.video-codecs",
     .unit = "",
     .meaning = "The video codecs that producers may use; the producer's order decides among them.",
     .target = +[](Config& c) -> Strings& { return c.media.video_codecs; },
     .choices = {"VP8", "VP9", "H264", "AV1"}},
    {"media.connect-timeout-s", "seconds",
     "From an answer to a connection (ICE and DTLS); then it has failed.",
     +[](Config& c) -> std::chrono::seconds& { return c.media.connect_timeout; }, 1, 300},
    {.name = "media.express",
     .unit = "",
     .meaning =
         "auto: RTP goes to a consumer past its webrtcbin wherever it can. off: always through it, which "
         "costs several times as much.",
     .target = +[](Config& c) -> std::string& { return c.media.express; },
     .choices = {"auto", "off"}},
    {"limits.rooms", "rooms", "Beyond it new rooms are refused with 503.",
     +[](Config& c) -> size_t& { return c.limits.rooms; }, 1, 1'000'000},
    {"limits.users-per-room", "users", "Beyond it new users of a room are refused with 503.",
     +[](Config& c) -> size_t& { return c.limits.users_per_room; }, 1, 100'000},
    {"limits.connections", "connections",
     "Producers and consumers together; beyond it calls that need one are refused with 503. The default is "
     "what this "
     "machine's memory, threads and descriptors hold.",
     +[](Config& c) -> size_t& { return c.limits.connections; }, 1, 1'000'000},
    {"log.level", "", "The least important lines to write.",
     +[](Config& c) -> log::Level& { return c.log_level; }},
    {"log.format", "", "text is for people, json for programs.",
     +[](Config& c) -> log::Format& { return c.log_format; }},
    {"paths.pipelines", "", "A folder of your own pipeline templates, searched before that of the server's.",
     +[](Config& c) -> std::string& { return c.media.pipelines; }},
    {"paths.recordings", "",
     "What ${recordings} stands for in a branch; what a killed server left unfinished below it is completed "
     "at the next start.",
     +[](Config& c) -> std::string& { return c.media.recordings; }},
};

constexpr const char* kLevels[] = {"error", "warning", "info", "debug"};
constexpr const char* kFormats[] = {"text", "json"};
constexpr const char* kAgents[] = {"lite", "full"};

std::optional<long> whole_number(const std::string& text, const Key& key) {
    long value = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end || value < key.min || value > key.max)
        return std::nullopt;
    return value;
}

std::string trimmed(std::string text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_address(const std::string& text) {
    return ice::Endpoint::from(text, 0).has_value();
}

template <typename T>
bool read(const Key& key, const std::string& text, T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        value = text == "true";
        return text == "true" || text == "false";
    } else if constexpr (std::is_same_v<T, std::string>) {
        value = text;
        if (!key.choices.empty())
            return std::ranges::count(key.choices, text) > 0;
        return key.text == Key::Text::Path || key.text == Key::Text::Server || is_address(text) ||
               (key.text == Key::Text::AddressOrNone && text.empty());
    } else if constexpr (std::is_same_v<T, Strings>) {
        value.clear();
        for (size_t at = 0; at <= text.size();) {
            const auto end = std::min(text.find(',', at), text.size());
            if (auto word = trimmed(text.substr(at, end - at)); !word.empty())
                value.push_back(std::move(word));
            at = end + 1;
        }
        if (key.choices.empty())
            return std::ranges::all_of(value, is_address);
        return !value.empty() && std::ranges::all_of(value, [&](const auto& word) {
            return std::ranges::count(key.choices, word) > 0;
        });
    } else if constexpr (std::is_same_v<T, ice::Agent>) {
        const auto named = std::ranges::find(kAgents, text);
        value = named == std::begin(kAgents) ? ice::Agent::Lite : ice::Agent::Full;
        return named != std::end(kAgents);
    } else if constexpr (std::is_same_v<T, log::Level> || std::is_same_v<T, log::Format>) {
        std::optional<T> named;
        if constexpr (std::is_same_v<T, log::Level>)
            named = log::level_from(text);
        else
            named = log::format_from(text);
        value = named.value_or(T{});
        return named.has_value();
    } else {
        const auto number = whole_number(text, key);
        value = T(number.value_or(0));
        return number.has_value();
    }
}

template <typename T>
std::string write(const T& value) {
    if constexpr (std::is_same_v<T, bool>)
        return value ? "true" : "false";
    else if constexpr (std::is_same_v<T, std::string>)
        return value;
    else if constexpr (std::is_same_v<T, Strings>)
        return joined(value);
    else if constexpr (std::is_same_v<T, log::Level>)
        return kLevels[static_cast<int>(value)];
    else if constexpr (std::is_same_v<T, log::Format>)
        return kFormats[static_cast<int>(value)];
    else if constexpr (std::is_same_v<T, ice::Agent>)
        return kAgents[static_cast<int>(value)];
    else if constexpr (std::is_integral_v<T>)
        return std::to_string(value);
    else
        return std::to_string(value.count());
}

}  // namespace

std::string Key::allowed() const {
    return std::visit(
        [this](auto access) -> std::string {
            using T = std::remove_cvref_t<std::invoke_result_t<decltype(access), Config&>>;
            if (!choices.empty())
                return (std::is_same_v<T, Strings> ? "any of " : "one of ") + joined(choices) +
                       (std::is_same_v<T, Strings> ? ", separated by commas" : "");
            if constexpr (std::is_same_v<T, bool>)
                return "true or false";
            else if constexpr (std::is_same_v<T, log::Level>)
                return joined({std::begin(kLevels), std::end(kLevels)});
            else if constexpr (std::is_same_v<T, log::Format>)
                return joined({std::begin(kFormats), std::end(kFormats)});
            else if constexpr (std::is_same_v<T, ice::Agent>)
                return joined({std::begin(kAgents), std::end(kAgents)});
            else if constexpr (std::is_same_v<T, Strings>)
                return "IP addresses, separated by commas, or nothing";
            else if constexpr (std::is_same_v<T, std::string>)
                return text == Text::Path      ? "a path"
                       : text == Text::Server  ? "scheme://host:port, or nothing"
                       : text == Text::Address ? "an IP address"
                                               : "an IP address, or nothing";
            else
                return "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
        },
        target);
}

std::string Key::show(const Config& config) const {
    return std::visit([&](auto access) { return write(access(const_cast<Config&>(config))); }, target);
}

bool Key::set(Config& config, const std::string& value_text) const {
    return std::visit(
        [&](auto access) {
            auto value = access(config);
            if (!read(*this, trimmed(value_text), value))
                return false;
            access(config) = std::move(value);
            return true;
        },
        target);
}

std::span<const Key> keys() {
    return kKeys;
}

}  // namespace sluice::app
