#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "http/server.h"
#include "ice/network.h"
#include "media/engine.h"
#include "rooms/rooms.h"

namespace sluice::app {

/// Everything that can be set, in the structs of those who use it.
struct Config {
    http::Options http;
    std::string tokens_file;
    ice::Options ice;
    media::Options media;
    rooms::Limits limits;
    log::Level log_level = log::Level::Info;
    log::Format log_format = log::Format::Text;
};

/// The defaults; limits.connections and paths.pipelines are this machine's.
Config default_config();

/// Applies a GLib key file ("[http]", "port=8080"). An error names file, line, value and what is allowed.
Status apply_file(Config& config, const std::string& path);
/// Applies one "group.key=value".
Status apply_setting(Config& config, const std::string& setting);
/// Reads what the configuration names (the token file) and checks what only the whole can tell.
Status complete(Config& config);

/// Every key with its value, unit, default and meaning: a valid key file, and the reference in
/// docs/operations.md.
std::string print(const Config& config);

}  // namespace sluice::app
