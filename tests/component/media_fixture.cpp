#include "media_fixture.h"

#include <cstdio>

namespace sluice::test {

MediaFixture::MediaFixture(std::chrono::seconds consent_timeout, ice::Agent agent)
    : scheduler(g_main_context_get_thread_default()) {
    ice::Options ice;
    ice.agent = agent;
    ice.addresses = {"127.0.0.1"};
    ice.consent_timeout = consent_timeout;
    network = ice::Network::open(ice).value();
    media::Options options;
    options.pipelines = PIPELINES;
    if (const char* express = g_getenv("SLUICE_EXPRESS"))
        options.express = express;
    engine = media::make_engine(scheduler, *network, options).value();
}

void MediaFixture::TearDown() {
    EXPECT_TRUE(wait_for("the end of every connection", [this] { return engine->connections() == 0; }));
    EXPECT_EQ(network->stats().peers, 0U);
    engine.reset();
    network.reset();
}

testing::AssertionResult MediaFixture::wait_for(const std::string& what, const std::function<bool()>& done,
                                                peer::Time limit) {
    // Not everything that is waited for wakes the loop: counters of other threads do not.
    peer::Timer tick(loop, [&] { tick.after(5ms); });
    tick.after(0ms);
    const bool came = loop.until(done, limit);
    if (came)
        return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << what << " did not come within " << peer::milliseconds(limit) << " ms";
}

Publisher::Publisher(MediaFixture& in_, const std::string& user_, peer::Faults faults)
    : in(in_),
      user(user_),
      server(in.engine->produce(
          "room", user, "{}", [&in_] { return in_.may_connect; }, [](ConnectionState) {})),
      browser(std::make_unique<peer::Connection>(in.loop, in.certificate, faults)) {}

Publisher::~Publisher() = default;

Publisher& Publisher::with_both(peer::Media media) {
    browser->add_track(Kind::Audio, media);
    browser->add_track(Kind::Video, media);
    return *this;
}

testing::AssertionResult Publisher::negotiate() {
    const auto offer = browser->create_offer();
    const auto answer =
        in.await<std::string>([&](Done<std::string> done) { server->offer(offer, std::move(done)); });
    if (!answer)
        return testing::AssertionFailure() << user << "'s offer was refused: " << answer.error().message;
    if (const auto taken = browser->set_answer(*answer); !taken)
        return testing::AssertionFailure()
               << user << "'s browser refuses the answer: " << taken.error().message << "\n"
               << *answer;
    return testing::AssertionSuccess();
}

void Publisher::reload() {
    browser->close();
    browser = std::make_unique<peer::Connection>(in.loop, in.certificate);
}

Viewer::Viewer(MediaFixture& in_, Publisher& publisher, const std::string& user_, peer::Faults faults)
    : in(in_),
      user(user_),
      server(publisher.server->consume(user, [](ConnectionState) {})),
      browser(std::make_unique<peer::Connection>(in.loop, in.certificate, faults)) {}

Viewer::~Viewer() = default;

Result<std::string> Viewer::offer(bool ice_restart) {
    return in.await<std::string>(
        [&](Done<std::string> done) { server->offer(ice_restart, std::move(done)); });
}

testing::AssertionResult Viewer::answer(const std::string& offer) {
    const auto answer = browser->answer(offer);
    if (!answer)
        return testing::AssertionFailure()
               << user << "'s browser refuses the offer: " << answer.error().message << "\n"
               << offer;
    const auto taken = in.await<Ok>([&](Done<Ok> done) { server->answer(*answer, std::move(done)); });
    if (!taken)
        return testing::AssertionFailure() << user << "'s answer was refused: " << taken.error().message;
    return testing::AssertionSuccess();
}

testing::AssertionResult Viewer::negotiate(bool ice_restart) {
    const auto offered = offer(ice_restart);
    if (!offered)
        return testing::AssertionFailure() << "no offer for " << user << ": " << offered.error().message;
    return answer(*offered);
}

peer::ReceivedTrack* Viewer::track(const std::string& section) const {
    const auto& offered = browser->remote();
    const auto index = std::stoul(section);
    return offered && index < offered->sections.size()
               ? browser->receiver().track(offered->sections[index].mid)
               : nullptr;
}

testing::AssertionResult Viewer::receives(const std::string& section, uint64_t more) {
    const auto count = [&] {
        return track(section) ? track(section)->packets() + track(section)->recovered() : 0;
    };
    const uint64_t before = count(), wanted = before + more;
    const auto result =
        in.wait_for(user + "'s media of section " + section, [&] { return count() >= wanted; });
    if (result)
        return result;
    return testing::AssertionFailure() << result.message() << " (" << count() - before << " packets of "
                                       << more << "; browser " << to_string(browser->state()) << " "
                                       << browser->failure() << ", server " << to_string(state()) << ")";
}

std::vector<const peer::ReceivedTrack*> Viewer::tracks(const std::string& section) const {
    std::vector<const peer::ReceivedTrack*> wanted;
    for (const auto& each : browser->receiver().tracks())
        if (section.empty() || each.get() == track(section))
            wanted.push_back(each.get());
    return wanted;
}

testing::AssertionResult Viewer::is_whole(const std::string& section) const {
    for (const auto* track : tracks(section))
        if (track->missing() || track->duplicates() || track->damaged())
            return testing::AssertionFailure()
                   << user << ", " << (track->kind() == Kind::Audio ? "audio" : "video") << ": of "
                   << track->packets() << " packets " << track->missing() << " missing, "
                   << track->duplicates() << " doubled, " << track->damaged() << " damaged; "
                   << browser->overflowed() << " lost in the test's own socket";
    const auto unknown = browser->receiver().unsignalled() + browser->not_authentic() + browser->replayed();
    if (unknown)
        return testing::AssertionFailure()
               << user << ": " << browser->receiver().unsignalled() << " packets of no section, "
               << browser->not_authentic() << " not authentic, " << browser->replayed() << " replayed";
    return testing::AssertionSuccess();
}

testing::AssertionResult Viewer::is_unharmed(const std::string& section) const {
    // Far more than forwarding takes on a busy machine, far less than any time-out of the server's.
    constexpr peer::Time kLongestGap = 500ms;
    const peer::Time allowed = kLongestGap + in.loop.longest_stall();
    if (state() != ConnectionState::Connected || !browser->connected())
        return testing::AssertionFailure() << user << " is not connected: " << browser->failure();
    for (const auto* track : tracks(section))
        if (track->longest_gap() > allowed || track->left_out())
            return testing::AssertionFailure()
                   << user << ", " << (track->kind() == Kind::Audio ? "audio" : "video") << ": a gap of "
                   << peer::milliseconds(track->longest_gap()) << " ms, " << track->left_out()
                   << " packets left out";
    return is_whole(section);
}

CapturedLog::CapturedLog() {
    testing::internal::CaptureStderr();
}

std::string CapturedLog::take() {
    taken_ = true;
    auto text = testing::internal::GetCapturedStderr();
    std::fputs(text.c_str(), stderr);
    return text;
}

CapturedLog::~CapturedLog() {
    if (!taken_)
        take();
}

}  // namespace sluice::test
