#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace sluice::media {

/// A value of the configuration that only the template can judge.
struct BranchValue {
    std::string text;
    std::string where;  ///< "FILE:LINE: ", for a complaint.
};

/// One [branch NAME] group of the configuration.
struct BranchOptions {
    enum class Start { OnRequest, OnProduce };

    std::string name;
    std::string where;     ///< "FILE:LINE: " of the group.
    std::string pipeline;  ///< The template's file name.
    Start start = Start::OnRequest;
    std::chrono::seconds retry{0};        ///< After a failure, how long until it begins again; 0: never.
    std::chrono::seconds split_after{0};  ///< A new file after so long; 0: never.
    uint64_t split_after_bytes = 0;       ///< And after so much media; 0: never.
    std::chrono::seconds key_frame_interval{0};  ///< Key frames are asked for that often; 0: never.
    std::map<std::string, BranchValue> values;   ///< For the template's holes, with ${placeholders}.
};

}  // namespace sluice::media
