#include "gst/launch_template.h"

#include <algorithm>
#include <set>

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
    std::string quoted = "\"";
    for (char c : std::get<std::string>(value)) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

/// "hole=value hole=value"
LaunchValues read_example(std::string_view text) {
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

}  // namespace

Result<LaunchTemplate> LaunchTemplate::parse(std::string name, std::string_view text) {
    LaunchTemplate result;
    result.name_ = std::move(name);
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        constexpr std::string_view kExample = "# example:";
        if (line.empty() || line.front() != '#')
            result.body_.append(line).push_back(' ');
        else if (line.starts_with(kExample))
            result.example_ = read_example(line.substr(kExample.size()));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    for (size_t at = 0; (at = result.body_.find("${", at)) != std::string::npos;) {
        const auto close = result.body_.find('}', at);
        if (close == std::string::npos)
            return Error{ErrorCode::InvalidArgument, result.name_ + ": \"${\" without \"}\""};
        auto hole = result.body_.substr(at + 2, close - at - 2);
        if (std::find(result.holes_.begin(), result.holes_.end(), hole) == result.holes_.end())
            result.holes_.push_back(std::move(hole));
        at = close;
    }
    return result;
}

Result<std::string> LaunchTemplate::expand(const LaunchValues& values) const {
    for (const auto& hole : holes_)
        if (!values.contains(hole))
            return Error{ErrorCode::InvalidArgument, name_ + ": no value for ${" + hole + "}"};
    for (const auto& [key, value] : values)
        if (std::find(holes_.begin(), holes_.end(), key) == holes_.end())
            return Error{ErrorCode::InvalidArgument, name_ + ": no ${" + key + "} in the template"};
    std::string text = body_;
    for (size_t at = 0; (at = text.find("${", at)) != std::string::npos;) {
        const auto close = text.find('}', at);
        const auto rendered = render(values.at(text.substr(at + 2, close - at - 2)));
        text.replace(at, close - at + 1, rendered);
        at += rendered.size();
    }
    return text;
}

Result<Ref<GstElement>> LaunchTemplate::build(const LaunchValues& values) const {
    auto text = expand(values);
    if (!text)
        return text.error();
    GError* raw = nullptr;
    const auto flags = static_cast<GstParseFlags>(GST_PARSE_FLAG_FATAL_ERRORS | GST_PARSE_FLAG_PLACE_IN_BIN);
    auto bin = Ref<GstElement>::sink(gst_parse_launch_full(text->c_str(), nullptr, flags, &raw));
    if (raw) {
        OwnedError error(raw);
        return Error{ErrorCode::Internal, name_ + ": " + error->message};
    }
    return bin;
}

Status LaunchTemplate::build_example() const {
    if (const auto built = build(example_); !built)
        return built.error();
    return Ok{};
}

}  // namespace sluice::gst
