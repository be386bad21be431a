#include "gst/launch_template.h"

#include <algorithm>
#include <charconv>

namespace sluice::gst {
namespace {

std::string render(const LaunchValue& value) {
    if (const auto* number = std::get_if<long>(&value))
        return std::to_string(*number);
    if (const auto* flag = std::get_if<bool>(&value))
        return *flag ? "true" : "false";
    if (const auto* real = std::get_if<double>(&value)) {
        char text[G_ASCII_DTOSTR_BUF_SIZE];
        return g_ascii_dtostr(text, sizeof text, *real);
    }
    return LaunchTemplate::quoted(std::get<std::string>(value));
}

/// "hole=value hole=value"
LaunchValues read_values(std::string_view text) {
    LaunchValues values;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto equals = word.find('=');
        if (equals == std::string_view::npos)
            continue;
        const std::string value(word.substr(equals + 1));
        auto& slot = values[std::string(word.substr(0, equals))];
        char* rest = nullptr;
        const gint64 number = g_ascii_strtoll(value.c_str(), &rest, 10);
        if (!value.empty() && *rest == '\0')
            slot = static_cast<long>(number);
        else if (value == "true" || value == "false")
            slot = value == "true";
        else
            slot = value;
    }
    return values;
}

/// "1..3600"
bool read_range(std::string_view text, LaunchParameter& parameter) {
    const auto dots = text.find("..");
    if (dots == std::string_view::npos)
        return false;
    const auto number = [](std::string_view digits, long& value) {
        const char* end = digits.data() + digits.size();
        const auto read = std::from_chars(digits.data(), end, value);
        return read.ec == std::errc() && read.ptr == end;
    };
    parameter.number = true;
    return number(text.substr(0, dots), parameter.min) && number(text.substr(dots + 2), parameter.max) &&
           parameter.min <= parameter.max;
}

/// What gst_value_deserialize() takes for something else than a string, or gst_parse_launch() for an escaped
/// quote, within which the template would go on.
bool is_special(std::string_view text) {
    return text == "NULL" || text.ends_with('\\') || (text.starts_with('"') && text.ends_with('"'));
}

/// As gst_value_serialize() gives it, with no backslash before a quote.
std::string serialized(std::string_view text) {
    std::string serialized = "\"";
    for (const char c : text)
        if (c == '"' || c == '\\')
            serialized += c == '"' ? "\\042" : "\\134";
        else
            serialized += c;
    return serialized + '"';
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void wait_for_no_reports(GstBin* bin) {
    const auto unmark = [](const GValue* value, gpointer) noexcept {
        auto* element = GST_ELEMENT(g_value_get_object(value));
        if (std::string_view(GST_OBJECT_NAME(element)).ends_with("-reports"))
            GST_OBJECT_FLAG_UNSET(element, GST_ELEMENT_FLAG_SINK);
    };
    const Owned<GstIterator, gst_iterator_free> elements(gst_bin_iterate_elements(bin));
    gst_iterator_foreach(elements.get(), unmark, nullptr);
}

std::string LaunchTemplate::quoted(std::string_view text) {
    const std::string plain = is_special(text) ? serialized(text) : std::string(text);
    std::string quoted = "\"";
    for (char c : plain) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

Result<LaunchTemplate> LaunchTemplate::parse(std::string name, std::string_view text) {
    LaunchTemplate result;
    result.name_ = std::move(name);
    std::string* into = &result.body_;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with('#')) {
            if (const auto read = result.read_comment(line); !read)
                return read.error();
        } else if (line.starts_with('[') && line.ends_with(']')) {
            result.part_names_.emplace_back(line.substr(1, line.size() - 2));
            result.part_texts_.emplace_back();
            into = &result.part_texts_.back();
        } else
            into->append(line).push_back(' ');
    }
    if (const auto found = result.find_holes(result.body_); !found)
        return found.error();
    for (const auto& part : result.part_texts_)
        if (const auto found = result.find_holes(part); !found)
            return found.error();
    for (const auto& parameter : result.open_)
        if (!result.has_hole(parameter.hole))
            return Error{ErrorCode::InvalidArgument,
                         result.name_ + ": \"# open:\" names ${" + parameter.hole + "}, which is not there"};
    return result;
}

Status LaunchTemplate::read_comment(std::string_view line) {
    constexpr std::string_view kExample = "# example:", kDefault = "# default:", kOpen = "# open:",
                               kFinisher = "# finisher: ", kPath = "# path: ", kSdp = "# sdp: ",
                               kOut = "# out:";
    if (line.starts_with(kExample))
        example_ = read_values(line.substr(kExample.size()));
    else if (line.starts_with(kDefault))
        defaults_ = read_values(line.substr(kDefault.size()));
    else if (line.starts_with(kFinisher))
        finisher_ = line.substr(kFinisher.size());
    else if (line.starts_with(kPath))
        path_ = line.substr(kPath.size());
    else if (line.starts_with(kSdp))
        holes_.push_back(sdp_ = line.substr(kSdp.size()));
    else if (line.starts_with(kOut) && out_.empty())
        out_ = line.substr(std::min(line.find_first_not_of(' ', kOut.size()), line.size()));
    else if (line.starts_with(kOpen)) {
        const Owned<char*, g_strfreev> words(
            g_strsplit_set(std::string(line.substr(kOpen.size())).c_str(), " ", -1));
        std::vector<std::string> said;
        for (char** word = words.get(); *word; word++)
            if (**word)
                said.emplace_back(*word);
        LaunchParameter parameter;
        if (said.size() != 2 || (said[1] != "text" && !read_range(said[1], parameter)))
            return Error{ErrorCode::InvalidArgument, name_ + ": \"" + std::string(line) +
                                                         "\"; allowed is \"# open: hole 1..9\" or "
                                                         "\"# open: hole text\""};
        parameter.hole = said[0];
        open_.push_back(std::move(parameter));
    }
    return Ok{};
}

Status LaunchTemplate::find_holes(const std::string& text) {
    for (size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
        const auto close = text.find('}', at);
        if (close == std::string::npos)
            return Error{ErrorCode::InvalidArgument, name_ + ": \"${\" without \"}\""};
        auto hole = text.substr(at + 2, close - at - 2);
        if (!has_hole(hole))
            holes_.push_back(std::move(hole));
        at = close;
    }
    return Ok{};
}

bool LaunchTemplate::has_hole(std::string_view hole) const {
    return contains(holes_, hole);
}

bool LaunchTemplate::has_part(std::string_view part) const {
    return contains(part_names_, part);
}

Result<std::string> LaunchTemplate::expand(const LaunchValues& values,
                                           const std::vector<std::string>& parts) const {
    std::string text = body_;
    for (const auto& part : parts) {
        const auto found = std::find(part_names_.begin(), part_names_.end(), part);
        if (found == part_names_.end())
            return Error{ErrorCode::InvalidArgument, name_ + ": no part [" + part + "] in the template"};
        text += part_texts_[static_cast<size_t>(found - part_names_.begin())];
    }
    for (const auto& [key, value] : values)
        if (!has_hole(key))
            return Error{ErrorCode::InvalidArgument, name_ + ": no ${" + key + "} in the template"};
    for (size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
        const auto close = text.find('}', at);
        const auto hole = text.substr(at + 2, close - at - 2);
        const auto given = values.find(hole);
        const auto standard = defaults_.find(hole);
        if (given == values.end() && standard == defaults_.end())
            return Error{ErrorCode::InvalidArgument, name_ + ": no value for ${" + hole + "}"};
        const auto rendered = render(given != values.end() ? given->second : standard->second);
        text.replace(at, close - at + 1, rendered);
        at += rendered.size();
    }
    return text;
}

Result<Ref<GstElement>> LaunchTemplate::build(const LaunchValues& values,
                                              const std::vector<std::string>& parts) const {
    auto text = expand(values, parts);
    if (!text)
        return text.error();
    GError* raw = nullptr;
    const auto flags = static_cast<GstParseFlags>(GST_PARSE_FLAG_FATAL_ERRORS | GST_PARSE_FLAG_PLACE_IN_BIN);
    auto bin = Ref<GstElement>::sink(gst_parse_launch_full(text->c_str(), nullptr, flags, &raw));
    if (raw) {
        OwnedError error(raw);
        return Error{ErrorCode::Internal, name_ + ": " + error->message};
    }
    if (GST_IS_BIN(bin.get()))
        wait_for_no_reports(GST_BIN(bin.get()));
    return bin;
}

Status LaunchTemplate::build_example(const LaunchValues& values) const {
    auto all = example_;
    for (const auto& [hole, value] : values) all[hole] = value;
    if (part_names_.empty())
        if (const auto built = build(all); !built)
            return built.error();
    for (const auto& part : part_names_)
        if (const auto built = build(all, {part}); !built)
            return built.error();
    return Ok{};
}

}  // namespace sluice::gst
