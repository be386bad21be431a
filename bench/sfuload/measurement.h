#pragma once

#include "sfuload/options.h"
#include "sfuload/report.h"
#include "sfuload/session.h"
#include "sfuload/usage.h"

namespace sluice::load {

/// What the server, the machine and this process do while the load lasts.
class Measurement {
public:
    Measurement(const Options& options, MediaThread& media, Session& session);

    /// Once the producers are there, before the consumers: what "per consumer" is counted from.
    void take_baseline();
    /// Until all who are to stay have media (or the limit is over), and the time to settle.
    void wait_and_settle();
    /// The window; shows progress each second.
    void measure();
    /// Once all have left.
    void take_after();

    Report report(const Signalling& signalling);

private:
    struct Edge {
        peer::Time at{};
        MediaThread::Totals received;
        uint64_t sent = 0;  ///< By all producers.
        ProcessUsage server;
        MachineUsage machine;
        peer::Time own_cpu{}, media_cpu{};
    };
    Edge edge(bool begin);
    void add_consumers(Report& report);
    void add_producers(Report& report);
    void add_server(Report& report) const;
    void add_client_and_machine(Report& report);

    const Options& options_;
    MediaThread& media_;
    Session& session_;
    ProcessUsage baseline_, after_;
    Edge begin_, end_;
};

}  // namespace sluice::load
