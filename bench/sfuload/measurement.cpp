#include "sfuload/measurement.h"

#include <algorithm>
#include <ctime>

#include "sfuload/jobs.h"
#include "sfuload/progress.h"

namespace sluice::load {

using namespace std::chrono_literals;

namespace {

/// What is still under way when the window ends counts as received, if it comes within this time.
constexpr peer::Time kUnderWay = 2s;

double seconds(peer::Time time) {
    return std::chrono::duration<double>(time).count();
}
double percent(peer::Time part, peer::Time whole) {
    return whole > peer::Time::zero() ? 100 * seconds(part) / seconds(whole) : 0;
}
double mb(uint64_t bytes) {
    return double(bytes) / (1 << 20);
}

std::string now_in_utc() {
    const time_t now = time(nullptr);
    tm utc{};
    gmtime_r(&now, &utc);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

Spread spread_of(const Histogram& histogram) {
    const auto at = [&](double part) { return peer::milliseconds(histogram.quantile(part)); };
    return {histogram.count(), at(0.5), at(0.95), at(0.99), peer::milliseconds(histogram.max())};
}

/// The times of set-up, one list for each member of Report::Setup.
struct SetupTimes {
    std::vector<peer::Time> connected, first_packet, first_key_frame, answer_to_first_packet;

    void add(const Subscription& s) {
        const auto since = [](std::vector<peer::Time>& times, peer::Time begin, peer::Time end) {
            if (end > peer::Time::zero())
                times.push_back(end - begin);
        };
        since(connected, s.began, s.connected);
        since(first_packet, s.began, s.first_packet);
        since(first_key_frame, s.began, s.first_key_frame);
        since(answer_to_first_packet, s.answered, s.first_packet);
    }
    Report::Setup summary() const {
        return {load::spread_of(connected), load::spread_of(first_packet), load::spread_of(first_key_frame),
                load::spread_of(answer_to_first_packet)};
    }
};

}  // namespace

Measurement::Measurement(const Options& options, MediaThread& media, Session& session)
    : options_(options), media_(media), session_(session) {}

void Measurement::take_baseline() {
    baseline_ = usage_of(options_.server_pid).value_or(ProcessUsage());
}

void Measurement::take_after() {
    after_ = usage_of(options_.server_pid).value_or(ProcessUsage());
}

void Measurement::wait_and_settle() {
    progress("waiting for the first key frames");
    if (!session_.wait_for_subscriptions() && !interrupted())
        progress("not everybody has media: %zu have", session_.subscriptions_with_media());
    (void)sleep_for(options_.settle);
}

Measurement::Edge Measurement::edge(bool begin) {
    Edge edge;
    edge.received = session_.inspect([&](auto& publishers, auto& subscriptions) {
        edge.at = peer::now();
        if (begin)
            media_.read_delay.clear();
        for (auto& publisher : publishers) {
            const Consumer::Numbers sent = publisher->sent();
            edge.sent += sent.audio + sent.video;
            for (auto& s : subscriptions)
                if (s->consumer && s->room == publisher->room && s->producer == publisher->user)
                    begin ? s->consumer->begin_window(sent) : s->consumer->end_window(sent);
        }
        return media_.received;
    });
    edge.server = usage_of(options_.server_pid).value_or(ProcessUsage());
    edge.machine = usage_of_machine();
    edge.own_cpu = own_cpu();
    edge.media_cpu = media_.cpu_time();
    return edge;
}

void Measurement::measure() {
    begin_ = edge(true);
    Edge last = begin_;
    const auto total = int(seconds(options_.duration));
    for (int second = 1;
         sleep_until(begin_.at + std::min<peer::Time>(second * 1s, options_.duration)) && second <= total;
         second++) {
        Edge now;
        now.received = media_.call([this] { return media_.received; });
        now.at = peer::now();
        now.server = usage_of(options_.server_pid).value_or(ProcessUsage());
        progress("%d of %d s: %.0f packets/s forwarded; the server uses %.0f %% of a core and %.0f MB",
                 second, total,
                 double(now.received.packets - last.received.packets) / seconds(now.at - last.at),
                 percent(now.server.cpu - last.server.cpu, now.server.at - last.server.at),
                 mb(now.server.rss_bytes));
        last = now;
    }
    end_ = edge(false);
    (void)wait_until(kUnderWay, [this] {
        return session_.inspect([](auto&, auto& subscriptions) {
            return std::ranges::all_of(subscriptions, [](const auto& s) {
                return s->passing || !s->consumer ||
                       s->consumer->window().received >= s->consumer->window().expected;
            });
        });
    });
    end_progress();
}

Report Measurement::report(const Signalling& signalling) {
    Report report;
    report.date = now_in_utc();
    report.api = options_.janus ? "janus" : "sluice";
    report.scenario = to_string(options_.scenario);
    report.cores = cores();
    const bool rooms = options_.scenario == Scenario::Rooms;
    report.options = {{"kbps", options_.video ? options_.media.video_bps / 1000.0 : 0},
                      {"fps", options_.media.frames_per_second},
                      {"audio", options_.audio},
                      {"join_rate", options_.join_rate}};
    if (rooms)
        report.options.insert({{"rooms", options_.rooms}, {"users", options_.users}});
    else
        report.options.insert({{"producers", options_.producers},
                               {"consumers", options_.consumers},
                               {"consumers_first", options_.consumers_first}});
    if (options_.scenario == Scenario::Churn)
        report.options.insert({{"churn_rate", options_.churn_rate}, {"hold_s", seconds(options_.hold)}});

    const double window = seconds(end_.at - begin_.at);
    const uint64_t packets = end_.received.packets - begin_.received.packets;
    if (window > 0)
        report.forwarded = {window, packets, double(packets) / window,
                            double(end_.received.bytes - begin_.received.bytes) * 8e-6 / window,
                            double(end_.sent - begin_.sent) / window};
    add_consumers(report);
    add_producers(report);
    for (const auto& [call, times] : signalling.times().all()) report.calls[call] = spread_of(times);
    if (options_.server_pid)
        add_server(report);
    add_client_and_machine(report);
    return report;
}

void Measurement::add_consumers(Report& report) {
    Histogram delay;
    SetupTimes staying, passing;
    Report::Churn churn;
    const auto add_one = [&](Subscription& s) {
        s.take_times();
        (s.passing ? passing : staying).add(s);
        if (s.passing) {
            churn.joins++;
            churn.with_media += s.first_packet > peer::Time::zero();
            if (!s.error.empty())
                report.consumers.failures[s.error]++;
            return;
        }
        const bool connected = s.connected > peer::Time::zero();
        report.consumers.connected += connected;
        if (s.consumer && s.consumer->has_media()) {
            report.consumers.with_media++;
        } else {
            report.consumers.failed++;
            const std::string why = !s.error.empty()                               ? s.error
                                    : s.consumer && !s.consumer->failure().empty() ? s.consumer->failure()
                                    : connected                                    ? "no media came"
                                                : "did not connect in time";
            report.consumers.failures[why]++;
        }
        if (!connected || !s.consumer)
            return;
        const Consumer& c = *s.consumer;
        const Consumer::Window window = c.window();
        const uint64_t missing = window.expected - std::min(window.expected, window.received);
        report.loss.expected += window.expected;
        report.loss.received += window.received;
        if (window.expected > 0)
            report.loss.percent_of_worst_consumer = std::max(
                report.loss.percent_of_worst_consumer, 100.0 * double(missing) / double(window.expected));
        report.loss.missing_by_sequence += window.by_sequence.expected - window.by_sequence.received;
        report.loss.duplicates += window.by_sequence.duplicates;
        report.loss.reordered += window.by_sequence.reordered;
        auto& gap = report.longest_gap;
        gap.audio = std::max(gap.audio, peer::milliseconds(window.audio_gaps.longest));
        gap.video = std::max(gap.video, peer::milliseconds(window.video_gaps.longest));
        gap.over_60_ms += window.audio_gaps.over_60_ms + window.video_gaps.over_60_ms;
        gap.over_150_ms += window.audio_gaps.over_150_ms + window.video_gaps.over_150_ms;
        delay.merge(c.delay());
        report.delay_p99_of_worst_consumer =
            std::max(report.delay_p99_of_worst_consumer, peer::milliseconds(c.delay().quantile(0.99)));
        report.checks.in_full += c.packets_checked();
        report.checks.damaged += c.damaged();
        report.checks.not_authentic += c.not_authentic();
        (c.is_gcm() ? report.checks.aes_gcm : report.checks.aes_cm)++;
    };
    session_.inspect([&](auto&, auto& subscriptions) {
        for (auto& s : subscriptions) add_one(*s);
        report.consumers.wanted = subscriptions.size() - churn.joins;
    });
    if (report.loss.expected > 0)
        report.loss.percent =
            100.0 * double(report.loss.expected - std::min(report.loss.expected, report.loss.received)) /
            double(report.loss.expected);
    report.delay = spread_of(delay);
    report.setup = staying.summary();
    churn.setup = passing.summary();
    if (options_.scenario == Scenario::Churn)
        report.churn = churn;
}

void Measurement::add_producers(Report& report) {
    session_.inspect([&](auto& publishers, auto&) {
        for (const auto& publisher : publishers) {
            report.producers.wanted++;
            report.producers.connected += publisher->connection->connected_at() > peer::Time::zero();
            for (const auto& sender : publisher->connection->senders()) {
                report.producers.key_frames += sender->key_frames();
                report.producers.key_frame_requests += sender->key_frame_requests().size();
                report.producers.retransmissions += sender->retransmissions();
            }
        }
    });
}

void Measurement::add_server(Report& report) const {
    const ProcessUsage& begin = begin_.server;
    const ProcessUsage& end = end_.server;
    const double consumers = double(std::max<size_t>(1, report.consumers.connected));
    Report::Server server;
    server.cpu_percent = percent(end.cpu - begin.cpu, end.at - begin.at);
    if (report.forwarded.packets_per_s > 0)
        server.cpu_us_per_packet = server.cpu_percent * 1e4 / report.forwarded.packets_per_s;
    server.rss_mb = mb(end.rss_bytes);
    server.rss_kb_per_consumer = (double(end.rss_bytes) - double(baseline_.rss_bytes)) / 1024 / consumers;
    server.threads = end.threads;
    server.descriptors = end.descriptors;
    server.threads_per_consumer = (end.threads - baseline_.threads) / consumers;
    server.descriptors_per_consumer = (end.descriptors - baseline_.descriptors) / consumers;
    server.rss_mb_before = mb(baseline_.rss_bytes);
    server.rss_mb_after = mb(after_.rss_bytes);
    server.threads_before = baseline_.threads;
    server.threads_after = after_.threads;
    server.descriptors_before = baseline_.descriptors;
    server.descriptors_after = after_.descriptors;
    report.server = server;
}

void Measurement::add_client_and_machine(Report& report) {
    const peer::Time window = end_.machine.at - begin_.machine.at;
    const peer::Time media_cpu = end_.media_cpu - begin_.media_cpu;
    report.client = {
        percent(end_.own_cpu - begin_.own_cpu, window),
        report.forwarded.packets ? seconds(media_cpu) * 1e6 / double(report.forwarded.packets) : 0,
        peer::milliseconds(media_.call([this] { return media_.read_delay.quantile(0.99); })),
        media_.has_priority()};
    auto& machine = report.machine;
    machine.others_cpu_percent =
        std::max(0.0, percent(end_.machine.busy - begin_.machine.busy, window) - report.client.cpu_percent -
                          percent(end_.server.cpu - begin_.server.cpu, end_.server.at - begin_.server.at));
    machine.idle_percent = percent(end_.machine.idle - begin_.machine.idle, window);
    machine.stolen_percent = percent(end_.machine.stolen - begin_.machine.stolen, window);
    machine.udp_drops = end_.machine.udp_drops - begin_.machine.udp_drops;

    auto& warnings = report.warnings;
    if (percent(media_cpu, window) > 80)
        warnings.emplace_back("the load's media thread used over 80 % of a core: it may be what was slow");
    if (report.client.read_delay_p99 > 30)
        warnings.emplace_back("the load was late to read: gaps and set-up times may be its own");
    if (machine.udp_drops > 0)
        warnings.emplace_back(
            "receive buffers of UDP overflowed on this machine: some of the loss is not the server's");
    if (options_.server_pid && machine.others_cpu_percent > 15)
        warnings.emplace_back(
            "other processes used over 15 % of a core: times and CPU are not to be trusted");
    if (machine.idle_percent < 4)
        warnings.emplace_back("no CPU was left: this is an overloaded machine");
}

}  // namespace sluice::load
