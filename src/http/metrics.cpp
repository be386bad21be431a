#include "http/metrics.h"

#include <string_view>

namespace sluice::http {
namespace {

enum class Kind { Gauge, Counter };

/// `name` without "sluice_".
void add(std::string& text, Kind kind, std::string_view name, std::string_view help, uint64_t value) {
    const auto full = "sluice_" + std::string(name);
    text.append("# HELP ").append(full).append(" ").append(help).append("\n");
    text.append("# TYPE ").append(full).append(kind == Kind::Gauge ? " gauge" : " counter").append("\n");
    text.append(full).append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace

std::string metrics_text(const rooms::Totals& totals) {
    std::string text =
        "# HELP sluice_info The server.\n"
        "# TYPE sluice_info gauge\n"
        "sluice_info{version=\"" SLUICE_VERSION "\"} 1\n";
    const auto gauge = [&text](std::string_view name, std::string_view help, size_t value) {
        add(text, Kind::Gauge, name, help, value);
    };
    const auto counter = [&text](std::string_view name, std::string_view help, uint64_t value) {
        add(text, Kind::Counter, name, help, value);
    };
    gauge("rooms", "Rooms.", totals.rooms);
    gauge("users", "Users in rooms.", totals.users);
    gauge("producers", "Users who produce.", totals.producers);
    gauge("consumers", "Connections from one user to another.", totals.consumers);
    gauge("connections", "Producers and consumers that hold resources, those being torn down included.",
          totals.connections);
    gauge("connections_limit", "limits.connections.", totals.connections_limit);
    gauge("open_branches", "Branches whose files are not complete.", totals.open_branches);

    const auto& network = totals.network;
    gauge("ice_peers", "ICE agents.", network.peers);
    gauge("tcp_connections", "ICE-TCP connections.", network.tcp_connections);
    counter("tcp_refused_total", "ICE-TCP connections refused beyond the limits.", network.tcp_refused);
    counter("datagrams_received_total", "Datagrams and frames of ICE-TCP that came in.",
            network.datagrams_received);
    counter("datagrams_dropped_total",
            "Datagrams that came and were dropped, since they were not read in time.",
            network.datagrams_dropped);
    counter("datagrams_unknown_total", "Of them, neither checks nor from an address that has proven itself.",
            network.datagrams_unknown);
    counter("stun_rejected_total", "Checks that were malformed, not authentic, for nobody, or too many.",
            network.stun_rejected);
    counter("datagrams_sent_total", "Datagrams and frames of ICE-TCP that left.", network.datagrams_sent);
    counter("datagrams_not_sent_total", "Dropped: a socket or a connection was full, or the system refused.",
            network.datagrams_not_sent);
    return text;
}

}  // namespace sluice::http
