#pragma once

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

    const DtlsSession& session() const { return session_; }
    /// The session's, once what it was entered with has been sent.
    DtlsSession::State state() const;

    // Of the session, with all that they bring about: datagrams are sent, before both elements tell of keys
    // and states, so that what they are followed by does not overtake the last flight.

    void start(bool client) { carry_out(session_.start(client)); }
    void receive(std::span<const uint8_t> datagram) { carry_out(session_.receive(datagram)); }
    void stop() { carry_out(session_.stop()); }

private:
    explicit DtlsAssociation(std::string id);
    void carry_out(const DtlsSession::Outcome& outcome);
    bool enter(const DtlsSession::Outcome& outcome);
    void arm();
    void disarm();

    const std::string id_;
    DtlsSession session_;
    GWeakRef decoder_, encoder_;

    mutable std::mutex state_mutex_;  // the two below
    DtlsSession::State state_ = DtlsSession::State::New;
    uint64_t order_ = 0;  ///< Of the outcome that state_ is of.

    std::mutex timer_mutex_;
    GstClockID timer_ = nullptr;  ///< Of the last arm().
};

}  // namespace sluice::elements
