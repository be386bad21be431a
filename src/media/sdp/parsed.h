#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/sdp/description.h"

/// A description as its lines say it, each line right by itself, the whole not yet checked.
namespace sluice::media::sdp {

/// What the session may say for all its sections and each section for itself.
struct Inherited {
    std::string ufrag;
    std::string pwd;
    std::string setup;
    std::vector<Fingerprint> fingerprints;  ///< Only those of a hash that we can compute.
    std::vector<std::string> candidates;    ///< "candidate:..."
    std::optional<Direction> direction;
};

struct ParsedSection {
    Section section;  ///< `direction` and `rejected` are settled by check().
    Inherited own;
    bool port_is_zero = false;
    bool bundle_only = false;
};

struct Parsed {
    std::string session_id;
    std::vector<std::string> bundle;
    Inherited session;
    std::vector<ParsedSection> sections;
};

enum class Role { Offer, Answer };

/// Reads the lines. InvalidArgument where the text is not SDP, Unacceptable where an attribute's value does
/// not fit its grammar or goes beyond a bound. Linear in the text's length.
Result<Parsed> read_lines(std::string_view text);
/// One attribute of a section; names that mean nothing to us are passed over.
Status read_section_attribute(ParsedSection& parsed, std::string_view key, std::string_view value);
/// The attributes that stand in a session or in a section; false: `key` is none of them.
Result<bool> read_inherited_attribute(Inherited& to, std::string_view key, std::string_view value);

/// What has to hold between the lines; all errors are Unacceptable.
Result<Description> check(Parsed parsed, Role role);

/// "m-section 1 (video, mid "v")", for messages.
std::string name_of(const Section& section, size_t index);

}  // namespace sluice::media::sdp
