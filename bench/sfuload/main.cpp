// sfuload: a load of light WebRTC users for a media server, and what they see of it. docs/performance.md
// explains it.

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sys/resource.h>

#include <glib.h>

#include "sfuload/jobs.h"
#include "sfuload/measurement.h"
#include "sfuload/progress.h"
#include "sfuload/scenarios.h"

namespace sluice::load {
namespace {

constexpr int kFailed = 1, kConsumersFailed = 3;
/// For what the server frees a little later.
constexpr peer::Time kAfterLeaving = std::chrono::seconds(3);

/// A descriptor for each user.
void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

bool write_json(const std::string& file, const std::string& json) {
    if (file == "-")
        return puts(json.c_str()) >= 0;
    std::ofstream out(file);
    out << json << "\n";
    out.close();
    if (!out)
        g_printerr("sfuload: %s cannot be written\n", file.c_str());
    return bool(out);
}

int run(const Options& options) {
    if (options.server_pid && !usage_of(options.server_pid)) {
        g_printerr("sfuload: --server-pid: there is no process %d\n", options.server_pid);
        return kFailed;
    }
    MediaThread media;
    const auto signalling =
        options.janus ? make_janus_signalling(options.target, std::max(options.producers, options.users))
                      : make_sluice_signalling(options.target);
    auto session = std::make_unique<Session>(options, media, *signalling);
    Measurement measurement(options, media, *session);
    const Status status = run_scenario(options, *session, measurement);
    end_progress();
    if (!status) {
        g_printerr("sfuload: %s\n", status.error().message.c_str());
        return kFailed;
    }
    progress("everybody leaves");
    session->end();
    if (options.server_pid)
        (void)sleep_for(kAfterLeaving);
    measurement.take_after();
    end_progress();
    const Report report = measurement.report(*signalling);
    fputs(report.to_text().c_str(), options.json_file == "-" ? stderr : stdout);
    if (!options.json_file.empty() && !write_json(options.json_file, report.to_json()))
        return kFailed;
    return report.consumers.failed || report.producers.connected < report.producers.wanted ? kConsumersFailed
                                                                                           : 0;
}

}  // namespace
}  // namespace sluice::load

int main(int argc, char** argv) {
    using namespace sluice::load;
    const Options options = read_options(argc, argv);
    if (options.quiet)
        be_quiet();
    raise_file_limit();
    catch_interrupts();
    return run(options);
}
