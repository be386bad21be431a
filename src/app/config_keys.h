#pragma once

#include <span>
#include <string>
#include <variant>

#include "app/config.h"

namespace sluice::app {

/// One key of the configuration.
struct Key {
    /// Where its value lives; the type decides how it is read and printed.
    using Target =
        std::variant<uint16_t& (*)(Config&), size_t& (*)(Config&), bool& (*)(Config&),
                     std::string& (*)(Config&), std::vector<std::string>& (*)(Config&),
                     std::chrono::seconds& (*)(Config&), std::chrono::milliseconds& (*)(Config&),
                     log::Level& (*)(Config&), log::Format& (*)(Config&), ice::Agent& (*)(Config&)>;
    enum class Text { Path, Address, AddressOrNone, Server };

    const char* name;     ///< "group.key"
    const char* unit;     ///< "" for none.
    const char* meaning;  ///< A sentence or two.
    Target target;
    long min = 0;  ///< Of numbers and durations.
    long max = 0;
    std::vector<std::string> choices = {};  ///< Of lists: all that may stand there; empty: addresses.
    Text text = Text::Path;                 ///< Of strings: what they are.

    /// What a bad value is told.
    std::string allowed() const;
    std::string show(const Config& config) const;
    /// false: not allowed, and nothing has changed.
    bool set(Config& config, const std::string& value_text) const;
};

/// All of them, in the order of the reference. Nothing else names a key.
std::span<const Key> keys();

}  // namespace sluice::app
