#include "media/sdp/description.h"

#include "media/sdp/parsed.h"

namespace sluice::media::sdp {
namespace {

Result<Description> parse(std::string_view text, Role role) {
    const auto blamed = [role](Error error) {
        error.field = role == Role::Offer ? "offer.sdp" : "answer.sdp";
        return error;
    };
    auto parsed = read_lines(text);
    if (!parsed)
        return blamed(parsed.error());
    auto description = check(std::move(parsed).value(), role);
    if (!description)
        return blamed(description.error());
    return description;
}

}  // namespace

const char* to_string(Kind kind) {
    return kind == Kind::Audio ? "audio" : "video";
}

const char* to_string(Direction direction) {
    switch (direction) {
        case Direction::SendRecv:
            return "sendrecv";
        case Direction::SendOnly:
            return "sendonly";
        case Direction::RecvOnly:
            return "recvonly";
        case Direction::Inactive:
            return "inactive";
    }
    return "inactive";
}

bool Section::sends() const {
    return kind && !rejected && (direction == Direction::SendRecv || direction == Direction::SendOnly);
}

bool Section::receives() const {
    return kind && !rejected && (direction == Direction::SendRecv || direction == Direction::RecvOnly);
}

Result<Description> parse_offer(std::string_view text) {
    return parse(text, Role::Offer);
}

Result<Description> parse_answer(std::string_view text) {
    return parse(text, Role::Answer);
}

}  // namespace sluice::media::sdp
