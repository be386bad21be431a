#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/loop.h"

namespace sluice::load {

/// The summary of many times, in milliseconds.
struct Spread {
    uint64_t count = 0;
    double p50 = 0, p95 = 0, p99 = 0, max = 0;
};
Spread spread_of(std::vector<peer::Time> times);

/// What came of a load. Percents of CPU are of one core.
struct Report {
    std::string date, api, scenario;
    int cores = 0;
    std::map<std::string, double> options;

    struct {
        size_t wanted = 0, connected = 0, with_media = 0, failed = 0;
        std::map<std::string, size_t> failures;
    } consumers;  ///< Connections of those who stay.
    struct {
        size_t wanted = 0, connected = 0;
        uint64_t key_frames = 0, key_frame_requests = 0, retransmissions = 0;
    } producers;
    struct {
        double seconds = 0;
        uint64_t packets = 0;
        double packets_per_s = 0, mbit_per_s = 0, from_producers_per_s = 0;
    } forwarded;
    struct Server {
        double cpu_percent = 0, cpu_us_per_packet = 0;
        double rss_mb = 0, rss_kb_per_consumer = 0;
        int threads = 0, descriptors = 0;
        double threads_per_consumer = 0, descriptors_per_consumer = 0;
        double rss_mb_before = 0, rss_mb_after = 0;  ///< The consumers.
        int threads_before = 0, threads_after = 0, descriptors_before = 0, descriptors_after = 0;
    };
    std::optional<Server> server;
    Spread delay;  ///< From a producer's sending to the kernel's receiving for a consumer.
    double delay_p99_of_worst_consumer = 0;
    struct {
        uint64_t expected = 0, received = 0;
        double percent = 0, percent_of_worst_consumer = 0;
        uint64_t missing_by_sequence = 0, duplicates = 0, reordered = 0;
    } loss;
    struct {
        double audio = 0, video = 0;
        uint64_t over_60_ms = 0, over_150_ms = 0;
    } longest_gap;
    struct Setup {
        Spread connected, first_packet, first_key_frame;  ///< From the first call for a connection.
        Spread answer_to_first_packet;
    };
    Setup setup;
    std::map<std::string, Spread> calls;
    struct Churn {
        size_t joins = 0, with_media = 0;
        Setup setup;
    };
    std::optional<Churn> churn;
    struct {
        uint64_t in_full = 0, damaged = 0, not_authentic = 0;
        size_t aes_gcm = 0, aes_cm = 0;  ///< Connections.
    } checks;
    struct {
        double cpu_percent = 0, cpu_us_per_packet = 0, read_delay_p99 = 0;
        bool priority = false;
    } client;
    struct {
        double others_cpu_percent = 0, idle_percent = 0, stolen_percent = 0;
        uint64_t udp_drops = 0;
    } machine;
    std::vector<std::string> warnings;  ///< Why figures may not be those of the server.

    std::string to_json() const;
    std::string to_text() const;
};

}  // namespace sluice::load
