#include "app/config.h"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>

#include <glib/gstdio.h>

#include "app/capacity.h"
#include "app/config_keys.h"
#include "base/owned.h"

namespace sluice::app {
namespace {

/// A file of its own for every test.
class ConfigTest : public testing::Test {
protected:
    ConfigTest()
        : folder_(g_dir_make_tmp("config-XXXXXX", nullptr)), path_(folder_.get() + std::string("/c")) {}
    ~ConfigTest() override {
        g_unlink(path_.c_str());
        g_rmdir(folder_.get());
    }

    /// What is said of a file with this text; empty: nothing. `config` is what came of it.
    std::string said_of(const std::string& text) {
        std::ofstream(path_) << text;
        return message(apply_file(config, path_));
    }
    static std::string message(const Status& status) { return status ? "" : status.error().message; }

    const glib::OwnedString folder_;
    const std::string path_;
    Config config = default_config();
};

TEST_F(ConfigTest, AFileSetsWhatItNames) {
    EXPECT_EQ(said_of("# a comment\n"
                      "[http]\n"
                      "port=8090\n"
                      "address = ::1  \n"
                      "insecure = true\n"
                      "[ice]\n"
                      "addresses = 10.0.0.1 ,2001:db8::1,\n"
                      "consent-timeout-s = 7\n"
                      "[media]\n"
                      "latency-ms = 120\n"
                      "video-codecs = H264, VP8\n"
                      "[limits]\n"
                      "[log]\n"
                      "level = debug\n"
                      "format = json\n"),
              "");
    EXPECT_EQ(config.http.port, 8090);
    EXPECT_EQ(config.http.address, "::1");
    EXPECT_TRUE(config.http.insecure);
    EXPECT_EQ(config.ice.addresses, (std::vector<std::string>{"10.0.0.1", "2001:db8::1"}));
    EXPECT_EQ(config.ice.consent_timeout, std::chrono::seconds(7));
    EXPECT_EQ(config.media.latency, std::chrono::milliseconds(120));
    EXPECT_EQ(config.media.video_codecs, (std::vector<std::string>{"H264", "VP8"}));
    EXPECT_EQ(config.log_level, log::Level::Debug);
    EXPECT_EQ(config.log_format, log::Format::Json);
    EXPECT_EQ(config.limits.rooms, Config{}.limits.rooms);
}

TEST_F(ConfigTest, AnErrorTellsTheLineTheValueAndWhatIsAllowed) {
    const struct {
        const char *text, *line, *said;
    } kCases[] = {
        {"[http]\n\nprot=1\n", "3", "there is no key \"http.prot\" (--print-config shows all)"},
        {"[htp]\nport=1\n", "1", "there is no group [htp] (--print-config shows all)"},
        {"[http]\nport=http\n", "2", "http.port is \"http\"; allowed is a whole number from 0 to 65535"},
        {"[http]\nport=65536\n", "2", "http.port is \"65536\"; allowed is a whole number from 0 to 65535"},
        {"[http]\nport=-1\n", "2", "http.port is \"-1\"; allowed is a whole number from 0 to 65535"},
        {"[http]\nport=80x\n", "2", "http.port is \"80x\"; allowed is a whole number from 0 to 65535"},
        {"[http]\nport=\n", "2", "http.port is \"\"; allowed is a whole number from 0 to 65535"},
        {"[http]\nport=1\n\n[http]\n port = x\n", "5",
         "http.port is \"x\"; allowed is a whole number from 0 to 65535"},
        {"[http]\naddress=localhost\n", "2", "http.address is \"localhost\"; allowed is an IP address"},
        {"[http]\naddress=\n", "2", "http.address is \"\"; allowed is an IP address"},
        {"[http]\ninsecure=yes\n", "2", "http.insecure is \"yes\"; allowed is true or false"},
        {"[ice]\naddresses=::1, eth0\n", "2",
         "ice.addresses is \"::1, eth0\"; allowed is IP addresses, separated by commas, or nothing"},
        {"[ice]\nannounced-address=a.example\n", "2",
         "ice.announced-address is \"a.example\"; allowed is an IP address, or nothing"},
        {"[media]\nlatency-ms=10\n", "2",
         "media.latency-ms is \"10\"; allowed is a whole number from 20 to 2000"},
        {"[media]\nvideo-codecs=VP8, H265\n", "2",
         "media.video-codecs is \"VP8, H265\"; allowed is any of VP8, VP9, H264, AV1, separated by commas"},
        {"[media]\nvideo-codecs=\n", "2",
         "media.video-codecs is \"\"; allowed is any of VP8, VP9, H264, AV1, separated by commas"},
        {"[log]\nlevel=loud\n", "2", "log.level is \"loud\"; allowed is error, warning, info, debug"},
        {"[log]\nformat=xml\n", "2", "log.format is \"xml\"; allowed is text, json"},
        {"[branch a b]\nstart=on-produce\n", "2",
         "a branch is called \"a b\"; allowed are 1 to 64 of a-z, A-Z, 0-9, '-' and '_'"},
        {"[branch r]\nstart=at-once\n", "2",
         "branch r.start is \"at-once\"; allowed is on-request or on-produce"},
        {"[branch r]\npipeline=../x.launch\n", "2",
         "branch r.pipeline is \"../x.launch\"; allowed is the name of a file in paths.pipelines or among "
         "those of the server"},
        {"[branch r]\nretry-s=soon\n", "2",
         "branch r.retry-s is \"soon\"; allowed is a whole number from 0 to 86400"},
        {"[branch r]\nLocation=/a\n", "2", "there is no key \"Location\" for a branch"},
        {"[log]\nlevel\n", "2",
         "Key file contains line “level” which is not a key-value pair, group, or comment"},
        {"port=1\n", "1", "Key file does not start with a group"},
    };
    for (const auto& c : kCases) EXPECT_EQ(said_of(c.text), path_ + ":" + c.line + ": " + c.said) << c.text;
}

TEST_F(ConfigTest, AValueThatIsNotText) {
    const auto said = said_of("[http]\ntokens=\xff\n");
    EXPECT_TRUE(said.starts_with(path_ + ":2: ")) << said;
    EXPECT_TRUE(said.ends_with("which is not UTF-8")) << said;
}

TEST_F(ConfigTest, ABadValueChangesNothing) {
    EXPECT_NE(said_of("[ice]\naddresses=::1, eth0\n"), "");
    EXPECT_EQ(config.ice.addresses, Config{}.ice.addresses);
}

TEST_F(ConfigTest, AFileThatCannotBeRead) {
    EXPECT_EQ(message(apply_file(config, path_)),
              "Failed to open file “" + path_ + "”: No such file or directory");
    EXPECT_EQ(message(apply_file(config, folder_.get())),
              "Error reading file “" + std::string(folder_.get()) + "”: Is a directory");
}

TEST_F(ConfigTest, AnEmptyFileIsAFile) {
    EXPECT_EQ(said_of(""), "");
}

TEST_F(ConfigTest, SettingsComeAfterTheFileAndTheLastOneCounts) {
    EXPECT_EQ(said_of("[http]\nport=1\n"), "");
    EXPECT_EQ(message(apply_setting(config, "http.port=2")), "");
    EXPECT_EQ(message(apply_setting(config, "http.port=3")), "");
    EXPECT_EQ(config.http.port, 3);
    EXPECT_EQ(message(apply_setting(config, "http.tokens=/a=b")), "");
    EXPECT_EQ(config.tokens_file, "/a=b");
    EXPECT_EQ(message(apply_setting(config, "http.tokens=")), "");
    EXPECT_EQ(config.tokens_file, "");
}

TEST_F(ConfigTest, Branches) {
    EXPECT_EQ(said_of("[branch recording]\npipeline = record-webm.launch\nstart = on-produce\nretry-s = 5\n"
                      "location = ${recordings}/${room}.webm\n[branch other]\npipeline=x.launch\n"),
              "");
    ASSERT_EQ(config.media.branches.size(), 2u);
    const auto& branch = config.media.branches.front();
    EXPECT_EQ(branch.name, "recording");
    EXPECT_EQ(branch.pipeline, "record-webm.launch");
    EXPECT_EQ(branch.start, media::BranchOptions::Start::OnProduce);
    EXPECT_EQ(branch.retry, std::chrono::seconds(5));
    EXPECT_EQ(branch.values.at("location").text, "${recordings}/${room}.webm");
    EXPECT_EQ(branch.values.at("location").where, path_ + ":5: ");
    EXPECT_EQ(message(apply_setting(config, "branch recording.start=on-request")), "");
    EXPECT_EQ(branch.start, media::BranchOptions::Start::OnRequest);
    EXPECT_EQ(message(complete(config)), "");
    EXPECT_EQ(message(apply_setting(config, "branch third.start=on-request")), "");
    EXPECT_EQ(message(complete(config)), "--set: branch third.pipeline is missing");
}

TEST_F(ConfigTest, ABadSetting) {
    EXPECT_EQ(message(apply_setting(config, "http.port")), "--set http.port: it takes group.key=value");
    EXPECT_EQ(message(apply_setting(config, "http.prot=1")),
              "--set: there is no key \"http.prot\" (--print-config shows all)");
    EXPECT_EQ(message(apply_setting(config, "http.port=x")),
              "--set: http.port is \"x\"; allowed is a whole number from 0 to 65535");
}

TEST_F(ConfigTest, WhatIsPrintedCanBeRead) {
    EXPECT_EQ(said_of(print(config)), "");
    EXPECT_EQ(print(config), print(default_config()));

    for (const char* setting :
         {"http.address=::1", "http.port=1", "http.tokens=/t", "http.insecure=true",
          "ice.addresses=::1, 10.0.0.1", "ice.announced-address=192.0.2.1", "media.video-codecs=AV1",
          "log.level=error", "log.format=json", "limits.connections=7", "branch r.pipeline=a.launch",
          "branch r.split-after-s=60", "branch r.location=${recordings}/a"})
        EXPECT_EQ(message(apply_setting(config, setting)), "");
    const auto printed = print(config);
    EXPECT_NE(printed, print(default_config()));
    config = default_config();
    EXPECT_EQ(said_of(printed), "");
    EXPECT_EQ(print(config), printed);
}

TEST_F(ConfigTest, EveryDefaultIsAllowed) {
    for (const auto& key : keys()) EXPECT_TRUE(key.set(config, key.show(config))) << key.name;
}

TEST_F(ConfigTest, TheTokenFile) {
    config.tokens_file = path_;
    EXPECT_EQ(message(complete(config)), "http.tokens: " + path_ + ": No such file or directory");
    std::ofstream(path_) << "# none yet\n\n";
    g_chmod(path_.c_str(), 0600);
    EXPECT_EQ(message(complete(config)), "http.tokens: " + path_ + " has no token");
    std::ofstream(path_) << "# two\none \n\n\ttwo";
    EXPECT_EQ(message(complete(config)), "");
    EXPECT_EQ(config.http.tokens, (std::vector<std::string>{"one", "two"}));
}

TEST_F(ConfigTest, WhatOnlyTheWholeTells) {
    config.http.tls_certificate = "/c";
    EXPECT_EQ(message(complete(config)),
              "http.tls-certificate and http.tls-key go together; only one is set");
    config.http.tls_certificate = "";
    config.ice.port_min = 5000;
    config.ice.port_max = 4000;
    EXPECT_EQ(message(complete(config)), "ice.port-min (5000) is greater than ice.port-max (4000)");
}

TEST(Capacity, TheLimitsOfAUnitAndOfWhatIsAroundIt) {
    using Groups = std::vector<std::string>;
    EXPECT_EQ(control_groups("0::/system.slice/sluice.service\n"),
              (Groups{"/system.slice/sluice.service", "/system.slice", ""}));
    EXPECT_EQ(control_groups("0::/\n"), Groups{""});
    EXPECT_EQ(control_groups("9:name=systemd:/a\n4:memory:/b\n0::/user.slice/a:b\n"),
              (Groups{"/user.slice/a:b", "/user.slice", ""}));
    EXPECT_EQ(control_groups("4:memory:/b\n"), Groups());
    EXPECT_EQ(control_groups("0::none\n"), Groups());
    EXPECT_EQ(control_groups(""), Groups());
}

}  // namespace
}  // namespace sluice::app
