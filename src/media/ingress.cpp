#include "media/ingress.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "media/sdp/consumer_sdp.h"

namespace sluice::media {
namespace {

/// What webrtcbin has taken a section with stays: it would answer another format by a rejection.
bool same_format(const sdp::InTrack& a, const sdp::InTrack& b) {
    const bool same_rtx = !a.rtx || !b.rtx || a.rtx->payload_type == b.rtx->payload_type;
    return a.codec.name == b.codec.name && a.codec.payload_type == b.codec.payload_type && same_rtx;
}

/// "VP8 by payload type 96, and its RTX by 97".
std::string format_of(const sdp::InTrack& track) {
    const auto text = track.codec.name + " by payload type " + std::to_string(track.codec.payload_type);
    return track.rtx ? text + ", and its RTX by " + std::to_string(track.rtx->payload_type) : text;
}

}  // namespace

Result<std::shared_ptr<Ingress>> Ingress::create(Surroundings& around, std::shared_ptr<Pipeline> pipeline,
                                                 const std::string& name,
                                                 std::vector<std::string> video_codecs,
                                                 std::function<void(ConnectionState)> on_state) {
    std::shared_ptr<Ingress> self(new Ingress(std::move(video_codecs)));
    const auto routes = self->routes_;
    routes->producer = pipeline->user();
    auto connection = Connection::create(
        around, std::move(pipeline), name, {},
        {.on_state = std::move(on_state),
         .on_pad = [routes](GstPad* pad) { on_pad(*routes, pad); },
         .on_transceiver = [routes](GstWebRTCRTPTransceiver* t,
                                    guint section) { on_transceiver(*routes, t, section); }});
    if (!connection)
        return connection.error();
    self->connection_ = std::move(connection).value();
    return self;
}

Ingress::Ingress(std::vector<std::string> video_codecs)
    : video_codecs_(std::move(video_codecs)),
      session_id_(std::to_string((static_cast<guint64>(g_random_int()) << 30) + 1)) {}

Ingress::~Ingress() {
    close();
}

void Ingress::close() {
    {
        std::lock_guard lock(routes_->mutex);
        routes_->tracks.clear();
        for (const auto& pad : std::exchange(routes_->pads, {})) silence(pad.get());
    }
    connection_->close();
}

void Ingress::on_pad(Routes& routes, GstPad* pad) {
    guint ssrc = 0;
    int payload_type = -1;
    if (const auto caps = gst::Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad))) {
        const GstStructure* fields = gst_caps_get_structure(caps.get(), 0);
        gst_structure_get_uint(fields, "ssrc", &ssrc);
        gst_structure_get_int(fields, "payload", &payload_type);
    }
    std::lock_guard lock(routes.mutex);
    routes.pads.push_back(gst::Ref<GstPad>::retain(pad));
    // By SSRC where the offer said so (a browser does, but for encodings with a rid), else the first section
    // of that payload type which has had no stream. Another type makes a pad of its own: it must not take the
    // track from the one that was agreed.
    const auto has_type = [&](const sdp::InTrack& s) { return s.codec.payload_type == payload_type; };
    const auto has_ssrc = [&](const sdp::InTrack& s) {
        return has_type(s) && std::ranges::count(s.ssrcs, ssrc) > 0;
    };
    const auto is_open = [&](const sdp::InTrack& s) { return has_type(s) && s.ssrcs.empty(); };
    const auto waits = [&](const sdp::InTrack& s) { return is_open(s) && !routes.fed.contains(s.mid); };
    auto section = std::ranges::find_if(routes.sections, has_ssrc);
    if (section == routes.sections.end())
        section = std::ranges::find_if(routes.sections, waits);
    if (section == routes.sections.end())
        section = std::ranges::find_if(routes.sections, is_open);
    if (section != routes.sections.end()) {
        routes.fed.insert(section->mid);
        if (const auto track = routes.tracks.find(section->mid); track != routes.tracks.end())
            return track->second->feed(pad);
    }
    log::warning("a stream that the offer does not have is dropped",
                 {{"producer", routes.producer},
                  {"ssrc", std::to_string(ssrc)},
                  {"payload_type", std::to_string(payload_type)}});
    silence(pad);
}

void Ingress::on_transceiver(Routes& routes, GstWebRTCRTPTransceiver* transceiver, guint section) {
    std::lock_guard lock(routes.mutex);
    if (section >= routes.sections.size())
        return;
    const auto& track = routes.sections[section];
    const auto caps = gst::Ref<GstCaps>::adopt(gst_caps_from_string(sdp::codec_preferences(track).c_str()));
    g_object_set(transceiver, "codec-preferences", caps.get(), "do-nack", track.kind == sdp::Kind::Video,
                 nullptr);
}

bool Ingress::is_continued_by(const sdp::Description& offer) const {
    return (offer.transport.ufrag == remote_.ufrag || offer.session_id == remote_session_) &&
           offer.transport.fingerprints == remote_.fingerprints;
}

/// What webrtcbin has been shown of it; null: nothing.
const sdp::InTrack* Ingress::known(const sdp::Section& section) const {
    const auto found = std::ranges::find(routes_->sections, section.mid, &sdp::InTrack::mid);
    return found == routes_->sections.end() ? nullptr : &*found;
}

/// As it was taken before.
std::optional<sdp::InTrack> Ingress::choose_codec(const sdp::Section& section,
                                                  const sdp::InTrack* before) const {
    return before ? sdp::choose(section, {before->codec.name}, before->codec.payload_type)
                  : sdp::choose(section, video_codecs_);
}

Result<Ingress::Chosen> Ingress::choose(const sdp::Description& offer) const {
    Chosen chosen;
    for (const auto& section : offer.sections) {
        if (!section.sends() || !section.kind)
            continue;
        const auto* before = known(section);
        auto track = choose_codec(section, before);
        if (before && (!track || !same_format(*before, *track)))
            return Error{ErrorCode::Unacceptable,
                         "section \"" + section.mid + "\" no longer offers " + format_of(*before) +
                             ", which it was taken with; another codec needs another section",
                         "offer.sdp"};
        if (track)
            chosen.emplace(section.mid, std::move(*track));
    }
    return chosen;
}

void Ingress::negotiate(const sdp::Description& offer, const Chosen& chosen, Done<Ok> done) {
    bool news = false;
    {
        std::lock_guard lock(routes_->mutex);
        for (const auto& section : offer.sections) {
            const auto want = chosen.find(section.mid);
            if (want == chosen.end())
                continue;
            const auto known = std::ranges::find(routes_->sections, section.mid, &sdp::InTrack::mid);
            if (known == routes_->sections.end())
                routes_->sections.push_back(want->second);
            else if (known->ssrcs != want->second.ssrcs)
                *known = want->second;
            else
                continue;
            news = true;
        }
    }
    if (!news)
        return done(Ok{});
    busy_ = true;
    const auto answered = [weak = weak_from_this(), done](Result<std::string> made) {
        const auto self = weak.lock();
        if (!self)
            return done(Error{ErrorCode::WrongState, "the producer has gone"});
        self->busy_ = false;
        if (!made)
            return done(made.error());
        const auto read = sdp::read_bin_description(*made);
        if (!read)
            return done(read.error());
        self->fingerprint_ = read->fingerprint;
        done(Ok{});
    };
    const auto text = sdp::write_bin_offer(routes_->sections, offer.transport,
                                           offer.transport.setup == "passive" ? "passive" : "active",
                                           session_id_, ++bin_version_);
    connection_->set_remote(
        GST_WEBRTC_SDP_TYPE_OFFER, text, Done<Ok>([weak = weak_from_this(), answered](Result<Ok> set) {
            const auto self = weak.lock();
            if (!self || !set)
                return answered(set ? Error{ErrorCode::WrongState, "the producer has gone"} : set.error());
            self->connection_->create_local(GST_WEBRTC_SDP_TYPE_ANSWER, Done<std::string>(answered));
        }));
}

std::string Ingress::accept(const sdp::Description& offer, const Chosen& chosen, const Tracks& tracks) {
    {
        std::lock_guard lock(routes_->mutex);
        for (const auto& [mid, track] : tracks) routes_->tracks[mid] = track;
    }
    adopt_transport(offer);
    for (const auto& [mid, track] : chosen)
        if (const auto extension = sdp::transport_cc_id(track))
            connection_->report_arrivals(extension);
    return write_answer(offer, chosen);
}

void Ingress::adopt_transport(const sdp::Description& offer) {
    if (offer.transport.ufrag != remote_.ufrag) {
        if (!remote_.ufrag.empty())
            connection_->peer().restart();
        connection_->connect(offer.transport);
    } else
        connection_->peer().add_remote(offer.transport.candidates);
    remote_ = offer.transport;
    remote_session_ = offer.session_id;
}

std::string Ingress::write_answer(const sdp::Description& offer, const Chosen& chosen) {
    std::vector<sdp::InTrack> tracks;
    for (const auto& [mid, track] : chosen) tracks.push_back(track);
    // A rejection would stop the browser's transceiver for good. So a section that is paused, or has not sent
    // yet, keeps its place in the answer: by its codec, or without that by any other that is offered.
    for (const auto& section : offer.sections) {
        if (chosen.contains(section.mid))
            continue;
        auto track = choose_codec(section, known(section));
        if (!track)
            track = sdp::choose(section, video_codecs_);
        if (track)
            tracks.push_back(std::move(*track));
    }
    const auto credentials = connection_->peer().local();
    return sdp::write_answer(offer, tracks,
                             {.ufrag = credentials.ufrag,
                              .pwd = credentials.pwd,
                              .fingerprint = fingerprint_,
                              .setup = offer.transport.setup == "passive" ? "active" : "passive",
                              .candidates = connection_->peer().candidates(),
                              .ice_lite = connection_->peer().is_lite(),
                              .session_id = session_id_,
                              .version = ++version_});
}

}  // namespace sluice::media
