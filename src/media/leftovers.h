#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "media/templates.h"

namespace sluice::media {

/// Files below `folder` that an earlier process has left unfinished (RecordingFile), by their names to be.
std::vector<std::string> leftovers(const std::string& folder);

/// Makes a whole file of such a one. Takes its time, also that of reading it all: tear-down threads only.
/// False: somebody is writing it.
Result<bool> finish_leftover(const std::string& path, const Templates& templates, const std::string& ended);

}  // namespace sluice::media
