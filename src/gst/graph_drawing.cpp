#include <algorithm>
#include <string_view>

#include "gst/graph.h"

namespace sluice::gst {
namespace {

bool is_plain_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return g_ascii_isalnum(c) || std::string_view("-_+.:/#%").find(c) != std::string_view::npos;
    });
}

/// In double quotes, which gst-launch-1.0 and graphviz read alike.
std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += c;
    }
    return result + '"';
}

/// As it stands where that can be read; gst_value_serialize() has quoted some already.
std::string word(std::string_view text) {
    return is_plain_word(text) || text.starts_with('"') ? std::string(text) : quoted(text);
}

std::string in_a_line(const Properties& properties) {
    std::string line;
    for (const auto& [name, value] : properties) line += " " + name + "=" + word(value);
    return line;
}

/// As it is called within `folder`: "ELEMENT.PAD", or ".PAD" of the folder's own.
std::string_view below(std::string_view path, std::string_view folder) {
    if (path.size() <= folder.size() || !path.starts_with(folder))
        return path;
    if (path[folder.size()] == '/')
        path.remove_prefix(folder.size() + 1);
    else if (path[folder.size()] == '.')
        path.remove_prefix(folder.size());
    return path;
}

void write_text(const ElementView& element, const std::string& folder, const std::string& indent,
                std::string& text) {
    text += indent + element.factory + " name=" + word(element.name) + in_a_line(element.properties) +
            "  # " + element.state + "\n";
    for (const auto& pad : element.pads) {
        if (pad.sink.empty() && pad.properties.empty())
            continue;
        text += indent + "  ." + pad.name;
        if (!pad.sink.empty())
            text += " ! " + std::string(below(below(pad.sink, element.path), folder));
        text += in_a_line(pad.properties);
        if (!pad.caps.empty())
            text += "  # " + pad.caps;
        text += "\n";
    }
    for (const auto& child : element.children) write_text(child, element.path, indent + "  ", text);
}

/// Lines of a label.
std::string lines(const Properties& properties) {
    std::string text;
    for (const auto& [name, value] : properties) text += "\n" + name + "=" + value;
    return text;
}

/// What there is room for beside an arrow, each on a line: the type, and what tells one stream from another.
std::string label_of(std::string_view caps) {
    constexpr std::string_view kShown[] = {"encoding-name", "payload", "ssrc",    "width",
                                           "height",        "rate",    "channels"};
    std::string label(caps.substr(0, caps.find(',')));
    while (caps.find(", ") != std::string_view::npos) {
        caps.remove_prefix(caps.find(", ") + 2);
        const auto field = caps.substr(0, caps.find(','));
        const auto name = field.substr(0, field.find('='));
        if (std::ranges::find(kShown, name) != std::end(kShown))
            label += "\n" + std::string(name) + "=" + std::string(field.substr(field.find(')') + 1));
    }
    return label;
}

void write_links(const ElementView& element, std::string& text) {
    for (const auto& pad : element.pads)
        if (!pad.sink.empty())
            text += quoted(pad.path) + " -> " + quoted(pad.sink) + " [label=" + quoted(label_of(pad.caps)) +
                    "]\n";
    for (const auto& child : element.children) write_links(child, text);
}

void write_dot(const ElementView& element, std::string& text) {
    text += "subgraph " + quoted("cluster " + element.path) + " {\nlabel=" +
            quoted(element.factory + "\n" + element.name + "\n" + element.state + lines(element.properties)) +
            "\n";
    for (const auto& pad : element.pads)
        text += quoted(pad.path) + " [label=" + quoted(pad.name + lines(pad.properties)) + "]\n";
    // graphviz leaves out a cluster without a node.
    if (element.pads.empty() && element.children.empty())
        text += quoted(element.path) + " [style=invis]\n";
    for (const auto& child : element.children) write_dot(child, text);
    text += "}\n";
}

}  // namespace

std::string to_text(const ElementView& element) {
    std::string text;
    write_text(element, {}, {}, text);
    return text;
}

std::string to_dot(const ElementView& element) {
    std::string text = "digraph " + quoted(element.name) +
                       " {\nrankdir=LR\nfontname=sans\nfontsize=10\nstyle=\"filled,rounded\"\n"
                       "fillcolor=\"#f4f4f8\"\nnode [shape=box, fontname=sans, fontsize=9, height=0.2]\n"
                       "edge [fontname=sans, fontsize=7]\n";
    write_dot(element, text);
    write_links(element, text);
    return text + "}\n";
}

}  // namespace sluice::gst
