#include "sfuload/report.h"

#include <algorithm>
#include <cmath>

#include <glib.h>

#include "base/json.h"
#include "base/owned.h"

namespace sluice::load {
namespace {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const glib::OwnedString formatted(g_strdup_vprintf(format, arguments));
    va_end(arguments);
    return formatted.get();
}

/// To the microsecond, or the thousandth of whatever it is.
std::string number(double value) {
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    return g_ascii_formatd(buffer, sizeof buffer, "%.10g", std::round(value * 1000) / 1000);
}

std::string boolean(bool value) {
    return value ? "true" : "false";
}

std::string to_json(const Spread& spread) {
    return json::object({{"count", std::to_string(spread.count)},
                         {"p50", number(spread.p50)},
                         {"p95", number(spread.p95)},
                         {"p99", number(spread.p99)},
                         {"max", number(spread.max)}});
}

std::string to_json(const Report::Setup& setup) {
    return json::object({{"connected", to_json(setup.connected)},
                         {"first_packet", to_json(setup.first_packet)},
                         {"first_key_frame", to_json(setup.first_key_frame)},
                         {"answer_to_first_packet", to_json(setup.answer_to_first_packet)}});
}

std::string to_json(const Report::Server& s) {
    return json::object({{"cpu_percent", number(s.cpu_percent)},
                         {"cpu_us_per_packet", number(s.cpu_us_per_packet)},
                         {"rss_mb", number(s.rss_mb)},
                         {"rss_mb_before", number(s.rss_mb_before)},
                         {"rss_mb_after", number(s.rss_mb_after)},
                         {"rss_kb_per_consumer", number(s.rss_kb_per_consumer)},
                         {"threads", std::to_string(s.threads)},
                         {"threads_before", std::to_string(s.threads_before)},
                         {"threads_after", std::to_string(s.threads_after)},
                         {"threads_per_consumer", number(s.threads_per_consumer)},
                         {"descriptors", std::to_string(s.descriptors)},
                         {"descriptors_before", std::to_string(s.descriptors_before)},
                         {"descriptors_after", std::to_string(s.descriptors_after)},
                         {"descriptors_per_consumer", number(s.descriptors_per_consumer)}});
}

std::string to_json(const Report::Churn& churn) {
    return json::object({{"joins", std::to_string(churn.joins)},
                         {"with_media", std::to_string(churn.with_media)},
                         {"setup_ms", to_json(churn.setup)}});
}

/// An object of members that are alike.
template <typename Map, typename Write>
std::string to_json(const Map& map, Write write) {
    std::string members;
    for (const auto& [name, value] : map)
        members += (members.empty() ? "" : ",") + json::quoted(name) + ":" + write(value);
    return "{" + members + "}";
}

/// The longest names of what went wrong come from the server.
std::string printable(const std::string& from_server) {
    const glib::OwnedString valid(g_utf8_make_valid(from_server.c_str(), gssize(from_server.size())));
    return valid.get();
}

std::string setup_line(const Report::Setup& setup) {
    return text(
        "from the answer to the first packet %.0f / %.0f ms; from the first call to the first packet %.0f / "
        "%.0f, to a key frame %.0f / %.0f (p50 / p95)",
        setup.answer_to_first_packet.p50, setup.answer_to_first_packet.p95, setup.first_packet.p50,
        setup.first_packet.p95, setup.first_key_frame.p50, setup.first_key_frame.p95);
}

}  // namespace

Spread spread_of(std::vector<peer::Time> times) {
    if (times.empty())
        return {};
    std::ranges::sort(times);
    const auto at = [&](double part) {
        return peer::milliseconds(times[size_t(std::lround(part * double(times.size() - 1)))]);
    };
    return {times.size(), at(0.5), at(0.95), at(0.99), at(1)};
}

std::string Report::to_json() const {
    const auto count = [](auto value) { return std::to_string(value); };
    std::map<std::string, size_t> reasons;
    for (const auto& [why, times] : consumers.failures) reasons[printable(why)] += times;
    std::vector<std::string> quoted_warnings;
    for (const std::string& warning : warnings) quoted_warnings.push_back(json::quoted(warning));
    std::optional<std::string> server_text, churn_text;
    if (server)
        server_text = load::to_json(*server);
    if (churn)
        churn_text = load::to_json(*churn);
    return json::object(
        {{"date", json::quoted(date)},
         {"api", json::quoted(api)},
         {"scenario", json::quoted(scenario)},
         {"options", load::to_json(options, number)},
         {"consumers", json::object({{"wanted", count(consumers.wanted)},
                                     {"connected", count(consumers.connected)},
                                     {"with_media", count(consumers.with_media)},
                                     {"failed", count(consumers.failed)},
                                     {"failures", load::to_json(reasons, count)}})},
         {"producers", json::object({{"wanted", count(producers.wanted)},
                                     {"connected", count(producers.connected)},
                                     {"key_frames", count(producers.key_frames)},
                                     {"key_frame_requests", count(producers.key_frame_requests)},
                                     {"retransmissions", count(producers.retransmissions)}})},
         {"forwarded", json::object({{"seconds", number(forwarded.seconds)},
                                     {"packets", count(forwarded.packets)},
                                     {"packets_per_s", number(forwarded.packets_per_s)},
                                     {"mbit_per_s", number(forwarded.mbit_per_s)},
                                     {"from_producers_per_s", number(forwarded.from_producers_per_s)}})},
         {"server", server_text},
         {"delay_ms", load::to_json(delay)},
         {"delay_ms_p99_of_worst_consumer", number(delay_p99_of_worst_consumer)},
         {"loss", json::object({{"expected", count(loss.expected)},
                                {"received", count(loss.received)},
                                {"percent", number(loss.percent)},
                                {"percent_of_worst_consumer", number(loss.percent_of_worst_consumer)},
                                {"missing_by_sequence", count(loss.missing_by_sequence)},
                                {"duplicates", count(loss.duplicates)},
                                {"reordered", count(loss.reordered)}})},
         {"longest_gap_ms",
          json::object({{"audio", number(longest_gap.audio)}, {"video", number(longest_gap.video)}})},
         {"gaps", json::object({{"over_60_ms", count(longest_gap.over_60_ms)},
                                {"over_150_ms", count(longest_gap.over_150_ms)}})},
         {"setup_ms", load::to_json(setup)},
         {"calls_ms", load::to_json(calls, [](const Spread& spread) { return load::to_json(spread); })},
         {"churn", churn_text},
         {"checks", json::object({{"packets_in_full", count(checks.in_full)},
                                  {"damaged", count(checks.damaged)},
                                  {"not_authentic", count(checks.not_authentic)},
                                  {"aes_gcm", count(checks.aes_gcm)},
                                  {"aes_cm", count(checks.aes_cm)}})},
         {"client", json::object({{"cpu_percent", number(client.cpu_percent)},
                                  {"cpu_us_per_packet", number(client.cpu_us_per_packet)},
                                  {"read_delay_ms_p99", number(client.read_delay_p99)},
                                  {"priority", boolean(client.priority)}})},
         {"machine", json::object({{"cores", count(cores)},
                                   {"others_cpu_percent", number(machine.others_cpu_percent)},
                                   {"idle_percent", number(machine.idle_percent)},
                                   {"stolen_percent", number(machine.stolen_percent)},
                                   {"udp_drops", count(machine.udp_drops)}})},
         {"warnings", json::array(quoted_warnings)}});
}

std::string Report::to_text() const {
    std::string out =
        text("%s, %s: %zu of %zu consumers have media; %.0f packets/s, %.1f Mbit/s forwarded over %.0f s\n",
             api.c_str(), scenario.c_str(), consumers.with_media, consumers.wanted, forwarded.packets_per_s,
             forwarded.mbit_per_s, forwarded.seconds);
    if (server)
        out += text(
            "  server   CPU %.1f %% of a core, %.2f us a packet; %.1f MB, %d threads, %d descriptors; "
            "a consumer: %.0f kB, %.2f threads, %.2f descriptors\n",
            server->cpu_percent, server->cpu_us_per_packet, server->rss_mb, server->threads,
            server->descriptors, server->rss_kb_per_consumer, server->threads_per_consumer,
            server->descriptors_per_consumer);
    out +=
        text("  delay    p50 %.2f, p95 %.2f, p99 %.2f, max %.1f ms; longest gap: audio %.0f, video %.0f ms\n",
             delay.p50, delay.p95, delay.p99, delay.max, longest_gap.audio, longest_gap.video);
    out +=
        text("  loss     %.4f %% (the worst consumer %.3f %%), %" G_GUINT64_FORMAT
             " duplicates, %" G_GUINT64_FORMAT " reordered\n",
             loss.percent, loss.percent_of_worst_consumer, guint64(loss.duplicates), guint64(loss.reordered));
    out += "  set-up   " + setup_line(setup) + "\n";
    if (churn)
        out += text("  guests   %zu of %zu had media; ", churn->with_media, churn->joins) +
               setup_line(churn->setup) + "\n";
    for (const auto& [call, spread] : calls)
        out += text("  call     %-12s %5" G_GUINT64_FORMAT " times, p50 %.1f, p95 %.1f, max %.1f ms\n",
                    call.c_str(), guint64(spread.count), spread.p50, spread.p95, spread.max);
    out += text("  checks   %" G_GUINT64_FORMAT " packets in full; %" G_GUINT64_FORMAT
                " damaged, %" G_GUINT64_FORMAT " not authentic\n",
                guint64(checks.in_full), guint64(checks.damaged), guint64(checks.not_authentic));
    out +=
        text("  client   CPU %.1f %% of a core, %.2f us a packet; machine: others %.1f %%, idle %.0f %%\n",
             client.cpu_percent, client.cpu_us_per_packet, machine.others_cpu_percent, machine.idle_percent);
    for (const auto& [why, times] : consumers.failures)
        out += text("  failed   %zu times: %s\n", times, printable(why).c_str());
    for (const std::string& warning : warnings) out += "  warning  " + warning + "\n";
    return out;
}

}  // namespace sluice::load
