#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "gst/launch_template.h"
#include "media/templates.h"

namespace sluice::app {

/// `sluice launch TEMPLATE [hole=value...]`: one template of a branch at work, without a server: as
/// gst-launch-1.0 would run it, whose command line is printed.
struct LaunchCommand {
    std::string name;  ///< With or without ".launch".
    gst::LaunchValues values;
    std::string dump;   ///< A file of dump.launch that gives the RTP; empty: the test source.
    std::string codec;  ///< Of the test source's picture; empty: the first that the template takes.
    std::chrono::seconds duration{};  ///< Then it ends by itself; 0: never.
};

/// `words` are what follows "launch" on the command line, `source` is "test" or "webrtc-dump", with which
/// the last word is the dump.
Result<LaunchCommand> read_launch_command(const std::vector<std::string>& words, const std::string& source);

/// Prints the command line to standard output, then runs it, with caps, messages and the time on standard
/// error, until its end, the duration, or SIGINT or SIGTERM, which finishes the file; the second one ends it
/// at once. The thread runs the default main context. After elements::init().
Status launch(const LaunchCommand& command, const media::Templates& templates);

}  // namespace sluice::app
