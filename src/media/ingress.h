#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "media/connection.h"
#include "media/sdp/producer_sdp.h"
#include "media/track.h"

namespace sluice::media {

/// One connection of a producer: its browser's offers in, answers out, its streams fed to tracks. webrtcbin
/// is shown a session that only grows (see docs/architecture.md): a section that was taken once stays as it
/// was, whatever the browser does with it, and the browser's view is written from the offer alone. Scheduler
/// thread.
class Ingress : public std::enable_shared_from_this<Ingress> {
public:
    /// `name` is the webrtcbin's.
    static Result<std::shared_ptr<Ingress>> create(Surroundings& around, std::shared_ptr<Pipeline> pipeline,
                                                   const std::string& name,
                                                   std::vector<std::string> video_codecs,
                                                   std::function<void(ConnectionState)> on_state);
    ~Ingress();

    /// Whether `offer` goes on with this session: the same ICE ufrag or o= session id, and the same
    /// certificate.
    bool is_continued_by(const sdp::Description& offer) const;

    using Chosen = std::map<std::string, sdp::InTrack>;
    /// What the server would take of each section of an offer that sends, by mid. A section that webrtcbin
    /// knows keeps its codec. Unacceptable: it sends and has that no more.
    Result<Chosen> choose(const sdp::Description& offer) const;

    /// Brings webrtcbin up to date with `chosen` (by mid), which changes nothing for the browser. Not while
    /// busy.
    void negotiate(const sdp::Description& offer, const Chosen& chosen, Done<Ok> done);
    /// negotiate() has not come to its end.
    bool is_busy() const { return busy_; }
    using Tracks = std::map<std::string, std::shared_ptr<Track>>;
    /// Takes an offer that negotiate() has seen to, feeds its streams to `tracks` (by mid), and writes the
    /// answer. A mid keeps its track for as long as its section lives.
    std::string accept(const sdp::Description& offer, const Chosen& chosen, const Tracks& tracks);

    ConnectionState state() const { return connection_->state(); }
    ice::Traffic received() const { return connection_->received(); }
    void close();

private:
    /// Read by webrtcbin's threads as streams and transceivers appear.
    struct Routes {
        std::mutex mutex;
        std::string producer;                ///< For the log.
        std::vector<sdp::InTrack> sections;  ///< As webrtcbin knows them, in its order.
        Tracks tracks;                       ///< By mid.
        std::set<std::string> fed;           ///< Mids that have had a stream.
        std::vector<gst::Ref<GstPad>> pads;  ///< All that came.
    };

    explicit Ingress(std::vector<std::string> video_codecs);
    static void on_pad(Routes& routes, GstPad* pad);
    static void on_transceiver(Routes& routes, GstWebRTCRTPTransceiver* transceiver, guint section);
    const sdp::InTrack* known(const sdp::Section& section) const;
    std::optional<sdp::InTrack> choose_codec(const sdp::Section& section, const sdp::InTrack* before) const;
    void adopt_transport(const sdp::Description& offer);
    std::string write_answer(const sdp::Description& offer, const Chosen& chosen);

    std::vector<std::string> video_codecs_;
    std::shared_ptr<Routes> routes_ = std::make_shared<Routes>();
    std::shared_ptr<Connection> connection_;
    sdp::Transport remote_;
    std::string remote_session_;
    std::string fingerprint_;  ///< Ours; empty before the first answer.
    std::string session_id_;
    bool busy_ = false;
    unsigned bin_version_ = 0;
    unsigned version_ = 0;
};

}  // namespace sluice::media
