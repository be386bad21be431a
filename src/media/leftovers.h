#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "gst/workers.h"
#include "media/templates.h"

namespace sluice::media {

/// Files below `folder` that an earlier process has left unfinished (RecordingFile), by their names to be.
std::vector<std::string> leftovers(const std::string& folder);

/// Makes a whole file of such a one. Takes its time, also that of reading it all: tear-down threads only.
/// False: it is as it was, because somebody is writing it, or `stop` was asked for.
Result<bool> finish_leftover(const std::string& path, const Templates& templates, const std::string& ended,
                             const std::stop_token& stop = {});

/// Finishes all that a server that was killed has left below `folder`, one after the other, on a thread of
/// its own. What is not finished when it goes stays as it was, for the next start.
class LeftoverWork {
public:
    LeftoverWork(const std::string& folder, std::shared_ptr<const Templates> templates);
    ~LeftoverWork();
    LeftoverWork(const LeftoverWork&) = delete;
    LeftoverWork& operator=(const LeftoverWork&) = delete;

private:
    std::stop_source stop_;
    gst::Workers thread_{1};
};

}  // namespace sluice::media
