#pragma once

#define GST_USE_UNSTABLE_API
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gst/webrtc/webrtc.h>

#include "base/log.h"
#include "base/result.h"
#include "base/scheduler.h"
#include "gst/ref.h"
#include "ice/agent.h"
#include "media/express.h"
#include "media/media.h"
#include "media/pipeline.h"
#include "media/sdp/producer_sdp.h"

namespace sluice::media {

/// What every connection of the process shares. Outlives them.
struct Surroundings {
    Scheduler& scheduler;
    ice::Network& network;
    std::chrono::milliseconds latency;
    std::chrono::seconds connect_timeout;
    bool express = true;                 ///< Whether consumers may be sent to past their webrtcbin.
    bool capture_times = false;          ///< Whether packets say when they were captured, for branches.
    gst::Workers& files;                 ///< Threads for the ends of branches, which may wait for disks.
    gst::Workers& drawings;              ///< A thread for drawings of pipelines, which may wait for elements.
    std::atomic<size_t> connections{0};  ///< Those about to be made and being torn down included.
    std::atomic<size_t> open_branches{0};  ///< Those that have something to complete.
    uint64_t consumer_sessions = 0;        ///< Made so far. Scheduler thread.
};

/// One webrtcbin in a producer's pipeline, with its ICE peer: descriptions in, descriptions out, connected or
/// failed.
///
///   New --connect()--> Connecting --ICE, DTLS, the right certificate--> Connected
///   any --fail(), time-out, ICE, DTLS, wrong certificate, the peer's close_notify--> Failed
///   any --close()--> Closed
///
/// Failed and Closed have given up the webrtcbin: it goes to NULL on a tear-down thread. Scheduler thread,
/// except where a hook says otherwise.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    struct Hooks {
        /// Scheduler thread, never inside a call of ours; not called for close().
        std::function<void(ConnectionState)> on_state;
        /// A source pad with its caps. GStreamer's thread, and media waits: link at once. May be empty.
        std::function<void(GstPad*)> on_pad;
        /// GStreamer's thread, with webrtcbin's lock held: set properties of the transceiver, nothing else.
        /// May be empty.
        std::function<void(GstWebRTCRTPTransceiver*, guint section)> on_transceiver;
    };

    /// `name` is the element's (Pipeline::free_name()); Internal: another has it. `consumer` is the consuming
    /// user; empty: the producer's own.
    static Result<std::shared_ptr<Connection>> create(Surroundings& around,
                                                      std::shared_ptr<Pipeline> pipeline,
                                                      const std::string& name, std::string consumer,
                                                      Hooks hooks);
    ~Connection();

    /// The element's name. webrtcbin() is null once the connection has ended.
    const std::string& name() const { return name_; }
    GstElement* webrtcbin() const { return bin_.get(); }
    /// A consumer's; null for a producer's own connection.
    Express* express() const { return internals_->express.get(); }
    ice::Peer& peer() const { return *peer_; }
    ConnectionState state() const { return state_; }

    /// webrtcbin's signals of the same names; an error is fatal for this connection, since webrtcbin 1.22
    /// leaves a failed description half applied.
    void set_remote(GstWebRTCSDPType type, const std::string& sdp, Done<Ok> done);
    /// create-offer or create-answer, then set-local-description, then all candidates. The text is
    /// webrtcbin's.
    void create_local(GstWebRTCSDPType type, Done<std::string> done);

    /// Tells webrtcbin's session what a stream is made of, before its first packet. rtpfunnel keeps that to
    /// itself, and the session would have to ask for the clock rate in the midst of its first report:
    /// there 1.22.0 lets go of its lock while it walks over its sources, and a source that comes in meanwhile
    /// breaks the walk (upstream 6675ed9aae, in 1.22.3 and 1.24: this can go with it).
    void announce(const std::string& caps);

    /// From now on the peer may connect, within the time limit, with one of its certificates.
    void connect(const sdp::Transport& remote);
    /// Once it is connected, the peer is told when its packets came: by the numbers of the header extension
    /// with that id, which stays the same.
    void report_arrivals(uint8_t extension);
    /// Ends it with a log line.
    void fail(const std::string& why, log::Level level = log::Level::Warning);
    void close();

    /// RTP as the network counted it, for the life of the connection.
    ice::Traffic received() const { return peer_->received(); }
    ice::Traffic sent() const { return peer_->sent(); }

private:
    /// What the elements inside webrtcbin leave with us as they are made, on any thread.
    struct Internals {
        Hooks hooks;
        std::shared_ptr<Express> express;
        std::weak_ptr<Connection> connection;
        Scheduler* scheduler = nullptr;
    };

    Connection(Surroundings& around, std::shared_ptr<Pipeline> pipeline, std::string name,
               std::string consumer);
    static GstElement* make_jitter_buffer(GstElement* rtpbin, guint session, gpointer) noexcept;
    static void on_element_added(GstBin*, GstBin*, GstElement* element, Internals* internals) noexcept;
    static void on_pad_added(GstElement*, GstPad* pad, Internals* internals) noexcept;
    static void on_new_transceiver(GstElement*, GstWebRTCRTPTransceiver* transceiver,
                                   Internals* internals) noexcept;
    static void on_notify_state(GstElement*, GParamSpec*, Internals* internals) noexcept;
    static void on_notify_dtls_state(GstWebRTCDTLSTransport*, GParamSpec*, Internals* internals) noexcept;

    void await_candidates(const std::string& sdp, const Done<std::string>& done);
    void on_webrtc_state();
    void on_dtls_state();
    gst::Ref<GstWebRTCDTLSTransport> dtls_transport() const;
    Status check_certificate(GstWebRTCDTLSTransport* transport) const;
    void open_express();
    void begin_reports();
    void enter(ConnectionState state);
    void give_up();

    Surroundings& around_;
    std::shared_ptr<Pipeline> pipeline_;
    std::string name_;
    std::string consumer_;  ///< The consuming user; empty for a producer's own connection.
    std::shared_ptr<Internals> internals_ = std::make_shared<Internals>();
    gst::Ref<GstElement> bin_;
    std::shared_ptr<ice::Peer> peer_;
    std::vector<sdp::Fingerprint> fingerprints_;
    uint8_t transport_cc_ = 0;  ///< The extension's id; 0: nobody wants reports.
    ConnectionState state_ = ConnectionState::New;
};

}  // namespace sluice::media
