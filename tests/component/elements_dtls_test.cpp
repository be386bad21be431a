#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "elements/dtls_session.h"
#include "gst/ref.h"
#include "peer/bytes.h"
#include "peer/dtls.h"

namespace sluice::test {
namespace {

using elements::DtlsSession;
using State = DtlsSession::State;
using Datagrams = std::vector<DtlsSession::Datagram>;

/// Carries datagrams between both until nobody says any more, beginning with those of `from`.
void carry(DtlsSession& from, Datagrams datagrams, DtlsSession& to) {
    if (datagrams.empty())
        return;
    Datagrams answers;
    for (const auto& datagram : datagrams)
        for (auto& answer : to.receive(datagram).datagrams) answers.push_back(std::move(answer));
    carry(to, std::move(answers), from);
}

TEST(Dtls, BothEndsHaveTheSameKeys) {
    DtlsSession client, server;
    EXPECT_EQ(server.state(), State::New);
    EXPECT_FALSE(server.start(false).entered);
    const auto begun = client.start(true);
    EXPECT_TRUE(begun.entered);
    EXPECT_EQ(client.state(), State::Connecting);
    EXPECT_TRUE(client.timeout());
    carry(client, begun.datagrams, server);
    for (const auto* end : {&client, &server}) {
        EXPECT_EQ(end->state(), State::Connected);
        EXPECT_FALSE(end->timeout());
        EXPECT_EQ(end->peer_certificate(), DtlsSession::certificate());
    }
    ASSERT_TRUE(client.send_key() && server.send_key());
    EXPECT_EQ(client.send_key(), server.receive_key());
    EXPECT_EQ(server.send_key(), client.receive_key());
    EXPECT_NE(client.send_key(), server.send_key());
}

TEST(Dtls, TheCertificateIsShownWithoutItsKey) {
    EXPECT_EQ(DtlsSession::certificate().find("-----BEGIN CERTIFICATE-----"), 0U);
    EXPECT_EQ(DtlsSession::certificate().find("PRIVATE"), std::string::npos);
}

TEST(Dtls, WhatComesBeforeTheRoleIsKnownWaits) {
    DtlsSession client, server;
    const auto hello = client.start(true).datagrams;
    ASSERT_EQ(hello.size(), 1U);
    for (int i = 0; i < 100; i++) EXPECT_TRUE(server.receive(hello[0]).datagrams.empty());
    const auto answer = server.start(false);
    EXPECT_TRUE(answer.entered);
    carry(server, answer.datagrams, client);
    EXPECT_EQ(server.state(), State::Connected);
    EXPECT_EQ(client.state(), State::Connected);
}

TEST(Dtls, AFlightIsOneDatagramThatEveryPathTakes) {
    DtlsSession client, server;
    (void)server.start(false);
    const auto flight = server.receive(client.start(true).datagrams.at(0)).datagrams;
    ASSERT_EQ(flight.size(), 1U);
    EXPECT_LE(flight[0].size(), 1200U);
}

TEST(Dtls, JunkChangesNothing) {
    DtlsSession client, server;
    (void)server.start(false);
    const auto hello = client.start(true).datagrams.at(0);
    auto damaged = hello;
    damaged[damaged.size() / 2] ^= 0xff;
    const auto junk = [&](DtlsSession& end) {
        for (size_t size = 0; size < hello.size(); size += 7) {
            const auto outcome = end.receive(std::span(hello).first(size));
            EXPECT_TRUE(outcome.datagrams.empty() && outcome.error.empty()) << size << ": " << outcome.error;
        }
        EXPECT_TRUE(end.receive(DtlsSession::Datagram(1000, 0x16)).error.empty());
    };
    junk(server);
    carry(client, {hello}, server);
    ASSERT_EQ(server.state(), State::Connected);
    junk(server);
    (void)server.receive(damaged);
    EXPECT_EQ(server.state(), State::Connected);
}

TEST(Dtls, WhatHasStoppedStaysSo) {
    DtlsSession client, server, never;
    EXPECT_TRUE(never.stop().entered);
    EXPECT_FALSE(never.start(false).entered);
    EXPECT_EQ(never.state(), State::Closed);
    (void)server.start(false);
    carry(client, client.start(true).datagrams, server);
    EXPECT_TRUE(server.stop().entered);
    EXPECT_FALSE(server.stop().entered);
    EXPECT_TRUE(server.receive(DtlsSession::Datagram(100, 22)).datagrams.empty());
    EXPECT_EQ(server.state(), State::Closed);
}

/// OpenSSL as somebody else uses it, as the client. Its timer is due soon.
class Client {
public:
    explicit Client(SSL_CTX* context) : ssl_(SSL_new(context)) {
        BIO* in = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);
        SSL_set_bio(ssl_.get(), in, BIO_new(BIO_s_mem()));
        SSL_set_options(ssl_.get(), SSL_OP_NO_QUERY_MTU);
        SSL_set_mtu(ssl_.get(), 1200);
        DTLS_set_timer_cb(ssl_.get(), [](SSL*, unsigned) { return 20'000U; });
        SSL_set_connect_state(ssl_.get());
    }
    Datagrams step() {
        (void)SSL_do_handshake(ssl_.get());
        return take();
    }
    Datagrams receive(const Datagrams& datagrams) {
        for (const auto& datagram : datagrams) {
            BIO_write(SSL_get_rbio(ssl_.get()), datagram.data(), int(datagram.size()));
            (void)SSL_do_handshake(ssl_.get());
        }
        return take();
    }
    Datagrams send_again() {
        while (DTLSv1_handle_timeout(ssl_.get()) == 0) std::this_thread::yield();  // until it is due
        return take();
    }
    Datagrams close() {
        SSL_shutdown(ssl_.get());
        return take();
    }
    bool is_connected() const { return SSL_is_init_finished(ssl_.get()) != 0; }

private:
    /// A memory BIO does not keep the borders of datagrams: one for each record.
    Datagrams take() {
        Datagrams all;
        char* data = nullptr;
        const auto size = size_t(BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &data));
        const std::vector<uint8_t> records(data, data + size);
        (void)BIO_reset(SSL_get_wbio(ssl_.get()));
        for (size_t at = 0; at + 13 <= records.size();) {
            const auto end = at + 13 + peer::get16(&records[at + 11]);
            all.emplace_back(records.begin() + long(at), records.begin() + long(end));
            at = end;
        }
        return all;
    }

    peer::OpensslOwned<SSL, SSL_free> ssl_;
};

struct DtlsServer : testing::Test {
    DtlsServer() { (void)server_.start(false); }
    DtlsSession::Outcome receive(const Datagrams& datagrams) {
        DtlsSession::Outcome all;
        for (const auto& datagram : datagrams) {
            auto outcome = server_.receive(datagram);
            all.datagrams.insert(all.datagrams.end(), outcome.datagrams.begin(), outcome.datagrams.end());
            all.secured |= outcome.secured;
            if (outcome.entered)
                all.entered = outcome.entered;
            all.error += outcome.error;
        }
        return all;
    }
    /// All but the server's last flight.
    DtlsSession::Outcome connect(Client& client) {
        return receive(client.receive(receive(client.step()).datagrams));
    }

    peer::Certificate certificate_;
    DtlsSession server_;
};

TEST_F(DtlsServer, ItsLastFlightIsRepeated) {
    Client client(certificate_.context());
    const auto lost = connect(client);
    EXPECT_TRUE(lost.secured);
    EXPECT_FALSE(lost.datagrams.empty());
    EXPECT_FALSE(client.is_connected());
    for (int i = 0; i < 3; i++) {
        const auto again = receive(client.send_again());
        EXPECT_FALSE(again.datagrams.empty());
        EXPECT_FALSE(again.secured || again.entered);
        if (i == 2)
            (void)client.receive(again.datagrams);
    }
    EXPECT_TRUE(client.is_connected());
}

TEST_F(DtlsServer, HearsThePeerClose) {
    Client client(certificate_.context());
    (void)client.receive(connect(client).datagrams);
    ASSERT_TRUE(client.is_connected());
    const auto closed = receive(client.close());
    EXPECT_TRUE(closed.entered && closed.error.empty()) << closed.error;
    EXPECT_EQ(server_.state(), State::Closed);
}

TEST_F(DtlsServer, RefusesAPeerWithoutASuiteOfOurs) {
    SSL_CTX_set_tlsext_use_srtp(certificate_.context(), "SRTP_AEAD_AES_128_GCM");
    Client client(certificate_.context());
    const auto refused = connect(client);
    EXPECT_EQ(refused.error, "the peer does not take SRTP_AES128_CM_SHA1_80");
    EXPECT_FALSE(refused.secured);
    EXPECT_EQ(server_.state(), State::Failed);
    EXPECT_FALSE(server_.send_key());
}

TEST_F(DtlsServer, RefusesAPeerWithoutACertificate) {
    const peer::OpensslOwned<SSL_CTX, SSL_CTX_free> nobody(SSL_CTX_new(DTLS_method()));
    SSL_CTX_set_tlsext_use_srtp(nobody.get(), "SRTP_AES128_CM_SHA1_80");
    Client client(nobody.get());
    const auto refused = connect(client);
    EXPECT_EQ(refused.error, "peer did not return a certificate");
    EXPECT_EQ(server_.state(), State::Failed);
}

TEST_F(DtlsServer, RefusesDtls10) {
    const peer::OpensslOwned<SSL_CTX, SSL_CTX_free> old(SSL_CTX_new(DTLS_method()));
    SSL_CTX_set_security_level(old.get(), 0);
    SSL_CTX_set_max_proto_version(old.get(), DTLS1_VERSION);
    Client client(old.get());
    EXPECT_EQ(receive(client.step()).error, "unsupported protocol");
}

/// Two pairs of elements, on threads as sockets would have.
struct DtlsElements : testing::Test {
    struct End {
        gst::Ref<GstElement> enc, dec;
        std::atomic<int> keys{0};
        std::atomic<int> lost{0};  ///< How many of its first datagrams do not arrive.
    };

    void SetUp() override {
        for (auto* end : {&client_, &server_}) {
            const std::string id = end == &client_ ? "client" : "server";
            end->dec = make("dtlsdec");
            end->enc = make("dtlsenc");
            for (const auto& element : {end->dec, end->enc}) {
                g_object_set(element.get(), "connection-id", id.c_str(), nullptr);
                g_signal_connect(element.get(), "on-key-received",
                                 G_CALLBACK(+[](GstElement*, End* of) { ++of->keys; }), end);
            }
        }
        g_object_set(client_.enc.get(), "is-client", TRUE, nullptr);
        join(client_, server_);
        join(server_, client_);
    }
    void TearDown() override { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    gst::Ref<GstElement> make(const char* factory) {
        auto element = gst::Ref<GstElement>::sink(gst_element_factory_make(factory, nullptr));
        gst_bin_add(GST_BIN(pipeline_.get()), element.get());
        return element;
    }
    void join(End& from, End& to) {
        const auto queue = make("queue");
        ASSERT_TRUE(gst_element_link_many(from.enc.get(), queue.get(), to.dec.get(), nullptr));
        const auto pad = gst::Ref<GstPad>::adopt(gst_element_get_static_pad(from.enc.get(), "src"));
        gst_pad_add_probe(
            pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
            [](GstPad*, GstPadProbeInfo*, gpointer end) {
                return static_cast<End*>(end)->lost-- > 0 ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
            },
            &from, nullptr);
    }
    int state_of(const gst::Ref<GstElement>& element) {
        int state = -1;
        g_object_get(element.get(), "connection-state", &state, nullptr);
        return state;
    }
    /// Both have all their keys, and are connected.
    bool secured() {
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        const auto all = [this] {
            return client_.keys == 2 && server_.keys == 2 && state_of(client_.enc) == int(State::Connected) &&
                   state_of(server_.dec) == int(State::Connected);
        };
        while (!all() && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
        return all();
    }
    static Datagrams::value_type key(const gst::Ref<GstElement>& element, const char* property) {
        gst::Ref<GstBuffer> buffer;
        g_object_get(element.get(), property, buffer.out(), nullptr);
        if (!buffer)
            return {};
        Datagrams::value_type bytes(gst_buffer_get_size(buffer.get()));
        gst_buffer_extract(buffer.get(), 0, bytes.data(), bytes.size());
        return bytes;
    }

    gst::Ref<GstElement> pipeline_ = gst::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
    End client_, server_;
};

TEST_F(DtlsElements, AgreeOnKeys) {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    ASSERT_TRUE(secured());
    EXPECT_EQ(key(client_.enc, "encoder-key").size(), 30U);
    EXPECT_EQ(key(client_.enc, "encoder-key"), key(server_.dec, "decoder-key"));
    EXPECT_EQ(key(server_.enc, "encoder-key"), key(client_.dec, "decoder-key"));
    for (const auto* property : {"pem", "peer-pem"}) {
        char* pem = nullptr;
        g_object_get(server_.dec.get(), property, &pem, nullptr);
        EXPECT_EQ(DtlsSession::certificate(), pem ? pem : "");
        g_free(pem);
    }
}

TEST_F(DtlsElements, WhatIsLostIsSentAgain) {
    client_.lost = 1;  // the ClientHello
    server_.lost = 1;  // the first answer
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    EXPECT_TRUE(secured());
}

TEST_F(DtlsElements, CloseWhenTheyStop) {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    ASSERT_TRUE(secured());
    gst_element_set_state(pipeline_.get(), GST_STATE_READY);
    EXPECT_EQ(state_of(server_.enc), int(State::Closed));
}

TEST_F(DtlsElements, AnEncoderWithoutItsDecoderDoesNotStart) {
    const auto lonely = make("dtlsenc");
    g_object_set(lonely.get(), "connection-id", "of nobody", nullptr);
    EXPECT_EQ(gst_element_set_state(lonely.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
}

}  // namespace
}  // namespace sluice::test
