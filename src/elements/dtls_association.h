#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include <gst/gst.h>

#include "elements/dtls_session.h"

namespace sluice::elements {

/// A session between the dtlsdec and the dtlsenc of one connection, which find each other by its id. Any
/// thread, as the session: that of what has arrived, a pool's for time-outs, and who changes states.
class DtlsAssociation : public std::enable_shared_from_this<DtlsAssociation> {
public:
    /// The decoder makes it, the encoder finds it; nothing: nobody has made one of that id, or it has gone.
    static std::shared_ptr<DtlsAssociation> create(const std::string& id, GstElement* decoder);
    static std::shared_ptr<DtlsAssociation> find(const std::string& id, GstElement* encoder);
    ~DtlsAssociation();
    DtlsAssociation(const DtlsAssociation&) = delete;
    DtlsAssociation& operator=(const DtlsAssociation&) = delete;

    const std::string& id() const { return id_; }
    const DtlsSession& session() const { return session_; }
    /// The session's, once what it was entered with has been sent.
    DtlsSession::State state() const { return state_; }

    // Of the session, with all that they bring about, one after the other: datagrams are sent, before both
    // elements tell of keys and states, so that nothing overtakes the last flight.

    void start(bool client);
    void receive(std::span<const uint8_t> datagram);
    /// Nobody is told of anything any more once it has returned: who listens to the elements may go.
    void stop();

private:
    explicit DtlsAssociation(std::string id);
    void on_timeout();
    void carry_out(const DtlsSession::Outcome& outcome);
    void arm();
    void disarm();

    const std::string id_;
    DtlsSession session_;
    GWeakRef decoder_, encoder_;
    std::atomic<DtlsSession::State> state_{DtlsSession::State::New};

    // Held while the session is asked and all is carried out. Who listens takes locks of webrtcbin's with
    // which it starts elements, but stops none.
    std::mutex order_;
    GstClockID timer_ = nullptr;
    GstClockTime due_ = 0;  ///< The timer.
};

}  // namespace sluice::elements
