#include "media/connection.h"

#include <algorithm>
#include <span>
#include <utility>

#include "elements/srtp_dec.h"
#include "elements/srtp_enc.h"
#include "gst/factory.h"
#include "gst/promise.h"
#include "gst/signal.h"
#include "media/certificate.h"

namespace sluice::media {
namespace {

using Description = gst::Owned<GstWebRTCSessionDescription, gst_webrtc_session_description_free>;

/// All SSRCs that a peer has ever sent on its connection: rtpbin forgets none. A long call has one more with
/// each screen that is shared; a peer that makes them up shall not fill the memory.
constexpr guint kMaxStreams = 256;

/// libnice (0.1.21) gives up a server that has not answered for 2 s, but never one whose name does not
/// resolve. Less than kStepLimit of rooms/answers.h, which begins earlier: a webrtcbin is made and negotiates
/// first.
constexpr std::chrono::seconds kGatheringLimit{3};

/// Bytes per second. RTCP may have a part of it, and rtpsession asks for a key frame or a retransmission only
/// as often as that allows: of the bandwidth that it measures, a request would wait 150 ms at 400 kbit/s, and
/// the first one 300 ms.
constexpr double kSessionBandwidth = 2e6;

/// Why webrtcbin dropped what it was asked for.
Error ended_meanwhile() {
    return {ErrorCode::WrongState, "the connection ended meanwhile"};
}

}  // namespace

Result<std::shared_ptr<Connection>> Connection::create(Surroundings& around,
                                                       std::shared_ptr<Pipeline> pipeline,
                                                       const std::string& name, std::string consumer,
                                                       Hooks hooks) {
    std::shared_ptr<Connection> self(new Connection(around, std::move(pipeline), name, std::move(consumer)));
    auto& internals = *self->internals_;
    internals.hooks = std::move(hooks);
    internals.connection = self;
    internals.scheduler = &around.scheduler;
    if (!self->consumer_.empty())
        internals.express = std::make_shared<Express>();

    auto made = around.network.make_webrtcbin(
        name.c_str(), [weak = self->weak_from_this(), &scheduler = around.scheduler](ice::PeerState s) {
            if (s != ice::PeerState::Failed)
                return;
            scheduler.post([weak] {
                if (const auto connection = weak.lock())
                    connection->fail("nothing was heard from the peer");
            });
        });
    if (!made.element)
        return Error{ErrorCode::Internal, "webrtcbin cannot be made: is gstreamer1.0-plugins-bad installed?"};
    if (!gst_bin_add(self->pipeline_->bin(), made.element.get())) {
        made.peer->close();
        return Error{ErrorCode::Internal, "webrtcbin cannot be added: \"" + name + "\" is there already"};
    }
    self->bin_ = std::move(made.element);
    self->peer_ = std::move(made.peer);
    ++around.connections;

    GstElement* bin = self->bin_.get();
    g_object_set(bin, "latency", static_cast<guint>(around.latency.count()), nullptr);
    // rtpbin exists already, made when webrtcbin was constructed; everything else comes later.
    const auto rtpbin = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), "rtpbin"));
    // A lost packet would become an event for every consumer; their own receivers see the gap (webrtcbin 1.22
    // forces do-lost on). Sender reports go by the time a packet came: for the time it is rendered they would
    // need a latency that nobody configures here, and warn of every packet instead.
    g_object_set(rtpbin.get(), "do-lost", FALSE, "max-streams", kMaxStreams, "rtcp-sync-send-time", FALSE,
                 "add-reference-timestamp-meta", around.capture_times, nullptr);
    g_signal_connect(rtpbin.get(), "request-jitterbuffer", G_CALLBACK(make_jitter_buffer), nullptr);
    // webrtcbin 1.22 has a FEC decoder made for each stream, though FEC is never negotiated here.
    g_signal_handlers_disconnect_matched(
        rtpbin.get(), static_cast<GSignalMatchType>(G_SIGNAL_MATCH_ID | G_SIGNAL_MATCH_DATA),
        g_signal_lookup("request-fec-decoder-full", G_OBJECT_TYPE(rtpbin.get())), 0, nullptr, nullptr, bin);
    gst::connect_shared(bin, "deep-element-added", G_CALLBACK(on_element_added), self->internals_);
    gst::connect_shared(bin, "notify::connection-state", G_CALLBACK(on_notify_state), self->internals_);
    if (internals.hooks.on_pad)
        gst::connect_shared(bin, "pad-added", G_CALLBACK(on_pad_added), self->internals_);
    if (internals.hooks.on_transceiver)
        gst::connect_shared(bin, "on-new-transceiver", G_CALLBACK(on_new_transceiver), self->internals_);

    self->pipeline_->watch(bin,
                           {.on_error =
                                [weak = std::weak_ptr(self)](const std::string&, const std::string& text) {
                                    if (const auto connection = weak.lock())
                                        connection->fail(text);
                                },
                            .on_eos = {}});
    gst_element_sync_state_with_parent(bin);
    return self;
}

Connection::Connection(Surroundings& around, std::shared_ptr<Pipeline> pipeline, std::string name,
                       std::string consumer)
    : around_(around),
      pipeline_(std::move(pipeline)),
      name_(std::move(name)),
      consumer_(std::move(consumer)) {}

Connection::~Connection() {
    give_up();
}

GstElement* Connection::make_jitter_buffer(GstElement*, guint, gpointer) noexcept {
    return gst_element_factory_make("sluicereorder", nullptr);
}

void Connection::on_element_added(GstBin*, GstBin*, GstElement* element, Internals* internals) noexcept {
    // webrtcbin 1.22 puts a clocksync with sync=TRUE into each send path: after a LATENCY query every packet
    // would wait for the producer's jitter buffer latency in the tee's thread.
    if (gst::is_made_by(element, "clocksync"))
        g_object_set(element, "sync", FALSE, nullptr);
    else if (gst::is_made_by(element, "rtpsession"))
        g_object_set(element, "bandwidth", kSessionBandwidth, nullptr);
    // Whoever writes into a packet that is kept for FEC has to copy it.
    else if (gst::is_made_by(element, "rtpstorage"))
        g_object_set(element, "size-time", guint64{0}, nullptr);
    if (internals->express)
        internals->express->on_element(element);
}

void Connection::on_pad_added(GstElement*, GstPad* pad, Internals* internals) noexcept {
    if (GST_PAD_IS_SRC(pad))
        internals->hooks.on_pad(pad);
}

void Connection::on_new_transceiver(GstElement*, GstWebRTCRTPTransceiver* transceiver,
                                    Internals* internals) noexcept {
    guint section = 0;
    g_object_get(transceiver, "mlineindex", &section, nullptr);
    internals->hooks.on_transceiver(transceiver, section);
}

void Connection::on_notify_state(GstElement*, GParamSpec*, Internals* internals) noexcept {
    internals->scheduler->post([weak = internals->connection] {
        if (const auto self = weak.lock())
            self->on_webrtc_state();
    });
}

void Connection::on_notify_dtls_state(GstWebRTCDTLSTransport*, GParamSpec*, Internals* internals) noexcept {
    internals->scheduler->post([weak = internals->connection] {
        if (const auto self = weak.lock())
            self->on_dtls_state();
    });
}

void Connection::set_remote(GstWebRTCSDPType type, const std::string& sdp, Done<Ok> done) {
    if (!bin_)
        return done(Error{ErrorCode::WrongState, "the connection has ended"});
    GstSDPMessage* message = nullptr;
    if (gst_sdp_message_new_from_text(sdp.c_str(), &message) != GST_SDP_OK)
        return done(Error{ErrorCode::Internal, "a description of our own does not parse"});
    const Description description(gst_webrtc_session_description_new(type, message));
    const auto reply = [weak = weak_from_this(), done](Result<gst::Reply> result) {
        if (result)
            return done(Ok{});
        const auto self = weak.lock();
        if (!self || !self->bin_)
            return done(ended_meanwhile());
        self->fail("webrtcbin refused the remote description: " + result.error().message);
        done(result.error());
    };
    g_signal_emit_by_name(bin_.get(), "set-remote-description", description.get(),
                          gst::new_promise(around_.scheduler, Done<gst::Reply>(reply)).get());
}

void Connection::create_local(GstWebRTCSDPType type, Done<std::string> done) {
    if (!bin_)
        return done(Error{ErrorCode::WrongState, "the connection has ended"});
    const bool offer = type == GST_WEBRTC_SDP_TYPE_OFFER;
    const auto created = [weak = weak_from_this(), done, offer](Result<gst::Reply> result) {
        const auto self = weak.lock();
        if (!self || !self->bin_)
            return done(ended_meanwhile());
        GstWebRTCSessionDescription* raw = nullptr;
        if (result && *result)
            gst_structure_get(result->get(), offer ? "offer" : "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                              &raw, nullptr);
        const Description description(raw);
        if (!description) {
            const std::string why = result ? "no description" : result.error().message;
            self->fail("webrtcbin made none: " + why);
            return done(Error{ErrorCode::Internal, why});
        }
        const gst::OwnedString text(gst_sdp_message_as_text(description->sdp));
        const auto set = [weak, done, sdp = std::string(text.get())](Result<gst::Reply> applied) {
            const auto connection = weak.lock();
            if (applied)
                return connection ? connection->await_candidates(sdp, done) : done(sdp);
            if (!connection || !connection->bin_)
                return done(ended_meanwhile());
            connection->fail("webrtcbin refused its own description: " + applied.error().message);
            done(applied.error());
        };
        g_signal_emit_by_name(self->bin_.get(), "set-local-description", description.get(),
                              gst::new_promise(self->around_.scheduler, Done<gst::Reply>(set)).get());
    };
    g_signal_emit_by_name(bin_.get(), offer ? "create-offer" : "create-answer", nullptr,
                          gst::new_promise(around_.scheduler, Done<gst::Reply>(created)).get());
}

void Connection::announce(const std::string& caps) {
    const auto rtpbin = gst::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), "rtpbin"));
    gst::Ref<GstElement> session;
    g_signal_emit_by_name(rtpbin.get(), "get-session", 0u, session.out());
    const auto pad = session
                         ? gst::Ref<GstPad>::adopt(gst_element_get_static_pad(session.get(), "send_rtp_sink"))
                         : gst::Ref<GstPad>();
    if (!pad)
        return;
    gst_pad_send_event(pad.get(), gst_event_new_stream_start(name_.c_str()));
    const auto parsed = gst::Ref<GstCaps>::adopt(gst_caps_from_string(caps.c_str()));
    gst_pad_send_event(pad.get(), gst_event_new_caps(parsed.get()));
}

/// What we write to the peer has all candidates. A STUN or TURN server that does not answer holds it up only
/// so long.
void Connection::await_candidates(const std::string& sdp, const Done<std::string>& done) {
    const auto finish = std::make_shared<std::function<void()>>([sdp, done] { done(sdp); });
    const auto once = [finish] {
        if (const auto task = std::exchange(*finish, nullptr))
            task();
    };
    if (!peer_->is_lite())
        around_.scheduler.after(kGatheringLimit, once);
    peer_->when_gathered([this_scheduler = &around_.scheduler, once, lite = peer_->is_lite()] {
        lite ? once() : this_scheduler->post(once);
    });
}

void Connection::connect(const sdp::Transport& remote) {
    if (!bin_)
        return;
    fingerprints_ = remote.fingerprints;
    peer_->set_remote({remote.ufrag, remote.pwd});
    peer_->add_remote(remote.candidates);
    if (state_ != ConnectionState::New)
        return;
    enter(ConnectionState::Connecting);
    around_.scheduler.after(around_.connect_timeout, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->state_ == ConnectionState::Connecting)
            self->fail("not connected within " + std::to_string(self->around_.connect_timeout.count()) +
                       " s (media.connect-timeout-s)");
    });
    on_webrtc_state();  // a fast peer may have been connected before its answer was told to us
}

void Connection::on_webrtc_state() {
    if (!bin_ || state_ != ConnectionState::Connecting)
        return;
    GstWebRTCPeerConnectionState state{};
    g_object_get(bin_.get(), "connection-state", &state, nullptr);
    if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED) {
        GstWebRTCICEConnectionState ice{};
        g_object_get(bin_.get(), "ice-connection-state", &ice, nullptr);
        return fail(ice == GST_WEBRTC_ICE_CONNECTION_STATE_FAILED ? "no way to the peer was found"
                                                                  : "DTLS failed");
    }
    if (state != GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED)
        return;
    const auto dtls = dtls_transport();
    if (const auto checked = check_certificate(dtls.get()); !checked)
        return fail(checked.error().message);
    open_express();
    begin_reports();
    enter(ConnectionState::Connected);
    gst::connect_shared(dtls.get(), "notify::state", G_CALLBACK(on_notify_dtls_state), internals_);
    on_dtls_state();  // it may have ended already
}

/// What webrtcbin goes on to call connected.
void Connection::on_dtls_state() {
    if (state_ != ConnectionState::Connected)
        return;
    GstWebRTCDTLSTransportState state{};
    g_object_get(dtls_transport().get(), "state", &state, nullptr);
    if (state == GST_WEBRTC_DTLS_TRANSPORT_STATE_CLOSED)
        fail("the peer has closed it", log::Level::Info);
    else if (state == GST_WEBRTC_DTLS_TRANSPORT_STATE_FAILED)
        fail("DTLS failed");
}

void Connection::open_express() {
    if (!express() || !around_.express)
        return;
    if (const auto opened = express()->open(bin_.get(), peer_); !opened)
        log::warning("the express way stays closed", {{"room", pipeline_->room()},
                                                      {"user", consumer_},
                                                      {"producer", pipeline_->user()},
                                                      {"reason", opened.error().message}});
}

void Connection::report_arrivals(uint8_t extension) {
    if (std::exchange(transport_cc_, extension) == 0 && state_ == ConnectionState::Connected)
        begin_reports();
}

/// All sections are bundled: there is one of each element.
void Connection::begin_reports() {
    if (transport_cc_ == 0)
        return;
    const auto decoder = gst::find_made_by(GST_BIN(bin_.get()), "srtpdec");
    const auto encoder = gst::find_made_by(GST_BIN(bin_.get()), "srtpenc");
    const auto keys = encoder ? elements::srtp_keys_of(encoder.get()) : nullptr;
    if (!decoder || !keys)
        return log::warning("the producer is not told what has come",
                            {{"room", pipeline_->room()},
                             {"user", pipeline_->user()},
                             {"reason", "webrtcbin has no key of AES_CM_128_HMAC_SHA1_80"}});
    struct Sender {
        std::shared_ptr<ice::Peer> peer;
        elements::SrtpCipher cipher;
        uint32_t index = 0;  ///< Of an SSRC that the session does not have.
    };
    const auto sender = std::make_shared<Sender>(
        Sender{.peer = peer_, .cipher = elements::SrtpCipher(keys, elements::SrtpCipher::Kind::Rtcp)});
    elements::report_arrivals(decoder.get(), transport_cc_, [sender](std::span<const uint8_t> rtcp) {
        std::vector<uint8_t> out(rtcp.size() + elements::SrtpKeys::kRtcpTrailer);
        out.resize(sender->cipher.protect_rtcp(rtcp.data(), rtcp.size(), sender->index++, out.data()));
        sender->peer->send(out);
    });
}

/// All sections are bundled: they have the same one. Null: webrtcbin has none yet.
gst::Ref<GstWebRTCDTLSTransport> Connection::dtls_transport() const {
    GstWebRTCRTPTransceiver* raw = nullptr;
    g_signal_emit_by_name(bin_.get(), "get-transceiver", 0, &raw);
    const auto transceiver = gst::Ref<GstWebRTCRTPTransceiver>::adopt(raw);
    gst::Ref<GstWebRTCRTPReceiver> receiver;
    gst::Ref<GstWebRTCDTLSTransport> transport;
    if (transceiver)
        g_object_get(transceiver.get(), "receiver", receiver.out(), nullptr);
    if (receiver)
        g_object_get(receiver.get(), "transport", transport.out(), nullptr);
    return transport;
}

/// webrtcbin 1.22 does not compare the peer's certificate with the fingerprint of its SDP (upstream
/// cae6e210f6, d26710302b, after 1.29.2; this can go with them).
Status Connection::check_certificate(GstWebRTCDTLSTransport* transport) const {
    char* pem = nullptr;
    if (transport)
        g_object_get(transport, "remote-certificate", &pem, nullptr);
    const gst::OwnedString certificate(pem);
    if (!certificate)
        return Error{ErrorCode::Internal, "the peer has shown no certificate"};
    return check_fingerprint(certificate.get(), fingerprints_);
}

void Connection::fail(const std::string& why, log::Level level) {
    if (state_ == ConnectionState::Failed || state_ == ConnectionState::Closed)
        return;
    log::write(level, "connection failed",
               {{"room", pipeline_->room()},
                {"user", consumer_.empty() ? pipeline_->user() : consumer_},
                {"producer", pipeline_->user()},
                {"remote", peer_->remote_address()},
                {"reason", why}});
    // Its legs go first, which is the listener's part.
    state_ = ConnectionState::Failed;
    around_.scheduler.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->internals_->hooks.on_state(ConnectionState::Failed);
            self->give_up();
        }
    });
}

void Connection::close() {
    if (state_ == ConnectionState::Failed || state_ == ConnectionState::Closed)
        return;
    give_up();
    state_ = ConnectionState::Closed;
}

void Connection::enter(ConnectionState state) {
    state_ = state;
    around_.scheduler.post([weak = weak_from_this(), state] {
        if (const auto self = weak.lock())
            self->internals_->hooks.on_state(state);
    });
}

void Connection::give_up() {
    if (!bin_)
        return;
    pipeline_->unwatch(bin_.get());
    g_signal_handlers_disconnect_by_data(bin_.get(), internals_.get());
    pipeline_->tear_down().run("webrtcbin " + name_,
                               [bin = std::move(bin_), pipeline = pipeline_, peer = peer_,
                                connections = &around_.connections]() mutable {
                                   // Locked, or the pipeline would pull it up again while it goes down.
                                   gst_element_set_locked_state(bin.get(), TRUE);
                                   gst_element_set_state(bin.get(), GST_STATE_NULL);
                                   peer->close();
                                   gst_bin_remove(pipeline->bin(), bin.get());
                                   bin = {};
                                   --*connections;
                               });
}

}  // namespace sluice::media
