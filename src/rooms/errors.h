#pragma once

#include <string>

#include "base/result.h"

/// What more than one call answers.
namespace sluice::rooms {

inline Error no_room(const std::string& room_id) {
    return {ErrorCode::NotFound, "there is no room \"" + room_id + "\""};
}

inline Error room_deleted(const std::string& room_id) {
    return {ErrorCode::NotFound, "the room \"" + room_id + "\" was deleted"};
}

inline Error no_user(const std::string& room_id, const std::string& user_id) {
    return {ErrorCode::NotFound, "user \"" + user_id + "\" is not in the room \"" + room_id + "\""};
}

inline Error not_producing(const std::string& user_id) {
    return {ErrorCode::NotFound, "user \"" + user_id + "\" is not producing", "producerUserId"};
}

inline Error nothing_to_branch(const std::string& user_id) {
    return {ErrorCode::WrongState, "user \"" + user_id + "\" is not producing"};
}

}  // namespace sluice::rooms
