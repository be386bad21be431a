#include "app/config.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

#include <glib.h>

#include "app/branch_keys.h"
#include "app/capacity.h"
#include "app/config_keys.h"
#include "base/owned.h"

namespace sluice::app {
namespace {

/// Beside the program: installed, or in the tree it was built in.
std::string pipelines_folder() {
    const glib::OwnedString program(g_file_read_link("/proc/self/exe", nullptr));
    const glib::OwnedString folder(g_path_get_dirname(program ? program.get() : "."));
    for (const char* beside : {"../share/sluice/pipelines", "../../../pipelines"}) {
        const glib::OwnedString candidate(g_canonicalize_filename(beside, folder.get()));
        if (g_file_test(candidate.get(), G_FILE_TEST_IS_DIR))
            return candidate.get();
    }
    return "/usr/share/sluice/pipelines";
}

Status set(Config& config, const std::string& name, const std::string& value, const std::string& where) {
    const auto dot = name.find('.');
    if (const auto branch = branch_of_group(name.substr(0, dot)); branch && dot != std::string::npos)
        return set_branch_key(config, *branch, name.substr(dot + 1), value, where);
    const auto all = keys();
    const auto key = std::ranges::find_if(all, [&](const Key& k) { return name == k.name; });
    if (key == all.end())
        return Error{ErrorCode::InvalidArgument,
                     where + "there is no key \"" + name + "\" (--print-config shows all)", name};
    const auto agent = config.ice.agent;
    if (!key->set(config, value))
        return Error{ErrorCode::InvalidArgument,
                     where + name + " is \"" + value + "\"; allowed is " + key->allowed(), name};
    // The default of the one goes by the other.
    if (config.ice.agent != agent && config.limits.connections == connections_this_machine_holds(agent))
        config.limits.connections = connections_this_machine_holds(config.ice.agent);
    return Ok{};
}

/// The first line that is none of a key file; GKeyFile does not tell.
std::string line_of_fault(const std::string& text) {
    const glib::Owned<GKeyFile, g_key_file_unref> file(g_key_file_new());
    unsigned number = 0;
    size_t end = 0;
    do {
        end = std::min(text.find('\n', end), text.size() - 1) + 1;
        number++;
    } while (g_key_file_load_from_data(file.get(), text.data(), end, G_KEY_FILE_NONE, nullptr) &&
             end < text.size());
    return std::to_string(number);
}

/// Where a key stands in the text, or a group if `key` is empty; the last place, which counts. GKeyFile does
/// not tell.
std::string line_of(const std::string& text, const std::string& group, const std::string& key) {
    std::string in_group;
    unsigned number = 0, found = 0;
    size_t at = 0;
    while (at < text.size()) {
        const auto end = std::min(text.find('\n', at), text.size());
        const glib::OwnedString line(g_strndup(text.data() + at, end - at));
        g_strstrip(line.get());
        at = end + 1;
        number++;
        const std::string content = line.get();
        if (content.starts_with('[') && content.ends_with(']'))
            in_group = content.substr(1, content.size() - 2);
        const auto equals = content.find('=');
        const auto name = equals == std::string::npos ? std::string() : content.substr(0, equals);
        const bool same =
            name.starts_with(key) && name.find_first_not_of(" \t", key.size()) == std::string::npos;
        const bool header = content.starts_with('[');
        if (in_group == group && (key.empty() ? header : same && !name.empty()))
            found = number;
    }
    return std::to_string(found);
}

Result<std::vector<std::string>> read_tokens(const std::string& path) {
    std::ifstream file(path);
    if (!file)
        return Error{ErrorCode::InvalidArgument, "http.tokens: " + path + ": " + g_strerror(errno),
                     "http.tokens"};
    struct stat info {};
    if (stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)))
        log::warning("the token file is open to everybody on this machine", {{"file", path}});
    std::vector<std::string> tokens;
    for (std::string line; std::getline(file, line);) {
        g_strstrip(line.data());
        line.resize(strlen(line.c_str()));
        if (!line.empty() && line.front() != '#')
            tokens.push_back(line);
    }
    if (tokens.empty())
        return Error{ErrorCode::InvalidArgument, "http.tokens: " + path + " has no token", "http.tokens"};
    return tokens;
}

}  // namespace

Config default_config() {
    Config config;
    config.limits.connections = connections_this_machine_holds(config.ice.agent);
    config.media.shipped_pipelines = pipelines_folder();
    config.media.recordings = "/var/lib/sluice/recordings";
    return config;
}

Status apply_file(Config& config, const std::string& path) {
    char* raw = nullptr;
    gsize size = 0;
    GError* error = nullptr;
    const glib::Owned<GKeyFile, g_key_file_unref> file(g_key_file_new());
    if (!g_file_get_contents(path.c_str(), &raw, &size, &error)) {
        const glib::OwnedError owned(error);
        return Error{ErrorCode::InvalidArgument, error->message};  // It names the file.
    }
    const std::string text(raw, size);
    g_free(raw);
    if (!g_key_file_load_from_data(file.get(), text.data(), text.size(), G_KEY_FILE_NONE, &error)) {
        const glib::OwnedError owned(error);
        return Error{ErrorCode::InvalidArgument, path + ":" + line_of_fault(text) + ": " + error->message};
    }
    const glib::Owned<char*, g_strfreev> groups(g_key_file_get_groups(file.get(), nullptr));
    for (char** group = groups.get(); *group; group++) {
        const auto all = keys();
        const auto prefix = std::string(*group) + ".";
        if (!branch_of_group(*group) && std::ranges::none_of(all, [&](const Key& key) {
                return std::string(key.name).starts_with(prefix);
            }))
            return Error{ErrorCode::InvalidArgument, path + ":" + line_of(text, *group, "") +
                                                         ": there is no group [" + *group +
                                                         "] (--print-config shows all)"};
        const glib::Owned<char*, g_strfreev> names(g_key_file_get_keys(file.get(), *group, nullptr, nullptr));
        for (char** name = names.get(); name && *name; name++) {
            const glib::OwnedString value(g_key_file_get_string(file.get(), *group, *name, &error));
            const glib::OwnedError owned(error);
            const auto where = path + ":" + line_of(text, *group, *name) + ": ";
            if (!value)
                return Error{ErrorCode::InvalidArgument, where + error->message, prefix + *name};
            if (const auto done = set(config, prefix + *name, value.get(), where); !done)
                return done;
        }
    }
    return Ok{};
}

Status apply_setting(Config& config, const std::string& setting) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos)
        return Error{ErrorCode::InvalidArgument, "--set " + setting + ": it takes group.key=value"};
    return set(config, setting.substr(0, equals), setting.substr(equals + 1), "--set: ");
}

Status complete(Config& config) {
    const auto wrong = [](const std::string& text, const char* key) {
        return Error{ErrorCode::InvalidArgument, text, key};
    };
    if (!config.tokens_file.empty()) {
        auto tokens = read_tokens(config.tokens_file);
        if (!tokens)
            return tokens.error();
        config.http.tokens = std::move(tokens).value();
    }
    if (config.http.tls_certificate.empty() != config.http.tls_key.empty())
        return wrong("http.tls-certificate and http.tls-key go together; only one is set", "http.tls-key");
    if (config.ice.port_min > config.ice.port_max)
        return wrong("ice.port-min (" + std::to_string(config.ice.port_min) +
                         ") is greater than ice.port-max (" + std::to_string(config.ice.port_max) + ")",
                     "ice.port-min");
    if (!config.media.pipelines.empty() && !g_file_test(config.media.pipelines.c_str(), G_FILE_TEST_IS_DIR))
        return wrong("paths.pipelines: " + config.media.pipelines + " is no folder", "paths.pipelines");
    for (const auto& branch : config.media.branches)
        if (branch.pipeline.empty())
            return wrong(branch.where + "branch " + branch.name + ".pipeline is missing", "pipeline");
    return Ok{};
}

std::string print(const Config& config) {
    const Config defaults = default_config();
    std::string text = "# The configuration of sluice, every key: its meaning, its default, its value.\n";
    std::string group;
    for (const auto& key : keys()) {
        const std::string name = key.name;
        const auto dot = name.find('.');
        if (name.substr(0, dot) != group) {
            group = name.substr(0, dot);
            text += "\n[" + group + "]\n";
        }
        const auto standard = key.show(defaults);
        text += "\n# ";
        text += key.meaning;
        text += "\n# " + (*key.unit ? std::string("Unit: ") + key.unit + ". " : std::string()) +
                "Default: " + (standard.empty() ? "none" : standard) + ". Allowed: " + key.allowed() + ".\n";
        const auto value = key.show(config);
        text += name.substr(dot + 1) + (value.empty() ? " =" : " = ") + value + "\n";
    }
    return text + print_branches(config);
}

}  // namespace sluice::app
