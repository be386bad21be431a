#pragma once

#include <string>

#include "base/result.h"
#include "peer/sender.h"
#include "sfuload/http_client.h"

namespace sluice::load {

enum class Scenario { Fanout, Rooms, Churn };
const char* to_string(Scenario scenario);

struct Options {
    Scenario scenario = Scenario::Fanout;
    bool janus = false;
    HttpClient::Target target{.url = "http://127.0.0.1:8080", .token = {}};
    in_addr address = peer::loopback();

    int producers = 1;
    int consumers = 10;
    bool consumers_first = false;  ///< In the room, before there is a producer.
    int rooms = 2;
    int users = 5;
    double join_rate = 25;  ///< Users a second.
    double churn_rate = 5;
    peer::Time hold = std::chrono::seconds(5);
    peer::Time duration = std::chrono::seconds(20);
    peer::Time settle = std::chrono::seconds(3);
    peer::Time setup_limit = std::chrono::seconds(30);

    bool audio = true;
    bool video = true;
    peer::Media media;
    int check_every = 50;  ///< Each so-many-th consumer decrypts and authenticates all; 0: none.

    int server_pid = 0;  ///< 0: not measured.
    std::string json_file;
    bool quiet = false;
};

/// Ends the process for --help, and for what it cannot take: with a sentence that says why, and status 2.
Options read_options(int argc, char** argv);

}  // namespace sluice::load
