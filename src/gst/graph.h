#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gst/gst.h>

/// A pipeline as it is now, to be read by people. gst_debug_bin_to_dot_data() (1.22 to 1.28) does not do
/// here: it has everything or nothing of what is in a bin, does not quote names, which hold users' ids, and
/// shows the properties of webrtcbin's elements, DTLS and SRTP keys among them.
namespace sluice::gst {

/// Properties that are not at their default, with their values as gst-launch-1.0 takes them.
using Properties = std::vector<std::pair<std::string, std::string>>;

struct PadView {
    std::string name;
    std::string path;  ///< "PIPELINE/BIN/ELEMENT.PAD", unique.
    std::string sink;  ///< The path of the pad that it gives to; empty: none.
    std::string caps;  ///< Empty: none yet.
    Properties properties;
};

/// Elements and pads stand in the order of their names, numbers in them counted.
struct ElementView {
    std::string factory;
    std::string name;
    std::string path;  ///< "PIPELINE/BIN/ELEMENT", unique.
    std::string state;
    Properties properties;
    std::vector<PadView> pads;
    std::vector<ElementView> children;
};

/// What `element` is made of; `whole`: the insides of webrtcbins too. Nothing of a webrtcbin but its pads and
/// its states is looked at, since its properties wait for whatever it is doing, and hold keys. Where the name
/// of a property says that it is a secret, "***" stands for it. No streaming thread waits for it, but it may
/// wait for an element: for a thread of its own.
ElementView look_at(GstElement* element, bool whole);

/// For people, after gst-launch-1.0.
std::string to_text(const ElementView& element);
/// For graphviz.
std::string to_dot(const ElementView& element);

}  // namespace sluice::gst
