#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::media {

/// What the server knows and a configuration may name: ${room}, ${user}...
using Placeholders = std::map<std::string, std::string, std::less<>>;

/// All names, with sample values: what a template is tried with.
Placeholders sample_placeholders();

/// `text` with every ${name} replaced. InvalidArgument names one that there is not, and all that there are.
Result<std::string> fill(std::string_view text, const Placeholders& values);
/// The same for a path: a value stays one part of it (as_file_name()), but for ${recordings}, which is a
/// folder.
Result<std::string> fill_path(std::string_view text, const Placeholders& values);

/// Any text as the name, or a part of the name, of one file: '/', '%', control characters and a leading '.'
/// become %XX, and what is too long ends in its hash instead. Different texts have different names.
std::string as_file_name(std::string_view text);

}  // namespace sluice::media
