"""What happens below the requests: broken ones, slow ones, too many, and clients that leave."""
import http.client
import io
import json
import os
import resource
import socket
import subprocess
import tempfile
import unittest

from contract import PATIENCE_S, Server, sdp, tls_context, wait_for


def receive_all(connection):
    """Until the server closes; what a reset leaves unsaid is lost."""
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


class Raw(unittest.TestCase):
    def start(self, *options, **more):
        server = self.enterContext(Server(*options, token=None, **more))
        server.post("/rooms/r", {"userId": "1"})
        self.server, self.before = server, server.state()
        return server

    def connect(self):
        return self.enterContext(socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S))

    def exchange(self, data):
        connection = self.connect()
        connection.sendall(data)
        return receive_all(connection)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def unchanged(self):
        self.assertEqual(self.server.state(), self.before)


def request(method="POST", path="/rooms", body=b"", *headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines + ["", ""]).encode() + body


class Broken(Raw):
    def test_what_is_not_http(self):
        self.start()
        for name, data, status in (
                ("nothing known", b"HELLO\r\n\r\n", 400),
                ("no version", b"GET /rooms\r\n\r\n", 400),
                ("a version of the future", b"GET /rooms HTTP/9.9\r\nHost: x\r\n\r\n", 505),
                ("no host", b"GET /rooms HTTP/1.1\r\n\r\n", 400),
                ("a host that is none", b"GET /rooms HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
                ("a space in the path", b"GET /ro oms HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("a NUL in a header", b"GET /rooms HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400),
                ("a NUL in the path", b"GET /rooms\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("bytes in the path", b"DELETE /rooms/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("https to http", b"GET https://x/rooms HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                ("a negative length", b"POST /rooms HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
                ("a length that is none", b"POST /rooms HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
                ("two lengths", b"POST /rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
                ("an unknown coding", b"POST /rooms HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
                ("all of the server", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404),
                ("a tunnel", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ):
            with self.subTest(name):
                answer = self.exchange(data)
                self.assertRegex(answer[:60].decode(), rf"^HTTP/1\.[01] {status} ")
                self.assertIn(b"Content-Type: application/problem+json\r\n", answer)
                self.unchanged()
        for name, data in (("TLS to plain HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
                           ("a header without an end", b"GET /rooms HTTP/1.1\r\nA: " + b"x" * 200000),
                           ("headers without an end", b"GET /rooms HTTP/1.1\r\n" + b"A: x\r\n" * 40000),
                           ("a path without an end", b"GET /" + b"x" * 200000)):
            with self.subTest(name):
                self.exchange(data)  # That it ends is what counts.
                self.unchanged()

    def test_requests_that_end_half_way(self):
        self.start()
        descriptors = self.descriptors()
        whole = request(body=b'{"userId":"9"}')
        for length in range(1, len(whole)):
            connection = self.connect()
            connection.sendall(whole[:length])
            connection.close()
        self.unchanged()
        wait_for(lambda: self.descriptors() <= descriptors, "the end of the half requests")

    def test_old_and_unusual_http(self):
        self.start()
        for data in (b"GET /rooms HTTP/1.0\r\n\r\n", b"GET http://x/rooms HTTP/1.1\r\nHost: y\r\n\r\n",
                     b"GET /rooms?a=b HTTP/1.1\nHost: x\n\n", b"GET /rooms HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n\r\n",
                     b"GET /rooms HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"):
            with self.subTest(data):
                self.assertIn(b'{"rooms":[{', self.exchange(data))

    def test_two_requests_at_once(self):
        """The first is answered; the connection is over then, which HTTP/1.1 allows."""
        self.start()
        answer = self.exchange(request("GET", "/rooms") + request("GET", "/healthz"))
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 1)
        self.assertIn(b"\r\nConnection: close\r\n", answer)

    def test_byte_by_byte(self):
        self.start()
        connection = self.connect()
        for byte in request(body=b'{"userInfo":1}'):
            connection.sendall(bytes([byte]))
        self.assertIn(b" 400 Bad Request", receive_all(connection))


class Large(Raw):
    def setUp(self):
        self.start("--body-limit", "100000")

    def refused(self, data, keeps_sending=b""):
        connection = self.connect()
        connection.sendall(data)
        connection.sendall(keeps_sending)
        answer = receive_all(connection)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(f"Content-Length: {len(body)}".encode(), head)
        self.assertEqual(json.loads(body)["status"], 413)
        connection.close()
        self.unchanged()

    def test_refused_by_its_length_alone(self):
        for length in (100001, 10 ** 12, 2 ** 63 - 1):
            self.refused(request("POST", "/rooms", b"", f"Content-Length: {length}"))

    def test_refused_while_it_is_still_coming(self):
        self.refused(request("POST", "/rooms", b"", "Content-Length: 5000000"), b" " * 5000000)

    def test_not_asked_to_go_on(self):
        self.refused(request("POST", "/rooms", b"", "Content-Length: 100001", "Expect: 100-continue"))

    def test_chunks(self):
        head = request("POST", "/rooms", b"", "Transfer-Encoding: chunked", "Content-Type: application/json")
        self.refused(head + b"186A1\r\n" + b" " * 100001)
        self.refused(head + b"1000\r\n%b\r\n" % (b" " * 4096) * 25)
        self.refused(head, b"1000\r\n%b\r\n" % (b" " * 4096) * 2000)
        answer = self.exchange(head + b"e\r\n{\"userInfo\":1}\r\n0\r\n\r\n")
        self.assertIn(b"userInfo: needs userId", answer)

    def test_as_large_as_allowed(self):
        self.server.post("/rooms", b"{%b}" % (b" " * 99998))
        self.server.delete("/rooms/" + [room["roomId"] for room in self.server.get("/rooms")["rooms"]
                                        if room["roomId"] != "r"][0])

    def test_asked_to_go_on(self):
        connection = self.connect()
        connection.sendall(request("POST", "/rooms/r", b"", "Content-Type: application/json", "Content-Length: 2",
                                   "Expect: 100-continue"))
        self.assertEqual(connection.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"{}")
        self.assertTrue(receive_all(connection).startswith(b"HTTP/1.1 200 "))


class Slow(Raw):
    def test_requests_that_never_come(self):
        self.start("--read-limit", "2")
        descriptors = self.descriptors()
        parts = b"", b"P", b"POST /rooms HTTP/1.1\r\nHost: x\r\n", request(body=b"{}")[:-1]
        connections = [self.connect() for _ in parts]
        for connection, part in zip(connections, parts):
            connection.sendall(part)
        for connection in connections:
            answer = receive_all(connection)
            self.assertTrue(answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), answer)
            connection.close()
        wait_for(lambda: self.descriptors() <= descriptors, "the end of the slow ones")

    def test_clients_that_leave(self):
        """libsoup does not notice; the deadline does."""
        self.start("--deadline", "2")
        for user in range(20):
            self.server.post("/rooms/r", {"userId": str(user + 100)})
        descriptors = self.descriptors()
        for user in range(20):
            call = self.server.begin("POST", f"/rooms/r/users/{user + 100}/produce",
                                     {"offer": sdp("offer", "a=x-never")})
            self.server.get("/healthz")
            if user % 2:
                call.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # A reset.
            call.connection.close()
        wait_for(lambda: self.server.log_text().count(" status=504 ") == 20, "twenty deadlines")
        wait_for(lambda: self.descriptors() <= descriptors, "the end of their connections")

    def test_one_that_does_not_hang_up(self):
        """After its answer the server waits a little for the client to close, and then does it."""
        self.start()
        connection = self.connect()
        connection.sendall(request("POST", "/rooms", b"", f"Content-Length: {2 ** 40}"))
        self.assertIn(b" 413 ", receive_all(connection))


class Many(Raw):
    LIMIT = 500  # Of connections.

    def test_more_connections_than_allowed(self):
        self.start()
        idle = [self.connect() for _ in range(self.LIMIT)]
        waiting = self.connect()
        waiting.sendall(request("GET", "/healthz"))
        waiting.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            waiting.recv(1)
        waiting.settimeout(PATIENCE_S)
        for connection in idle:
            connection.close()
        self.assertIn(b'"status":"ok"', receive_all(waiting))

    def test_no_descriptors_left(self):
        self.start()
        pid, free = self.server.process.pid, 20
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.descriptors() + free,) * 2)
        idle = [self.connect() for _ in range(free + 20)]
        wait_for(lambda: "could not be accepted" in self.server.log_text(), "a failed accept")
        for connection in idle:
            connection.close()
        self.unchanged()

    def test_many_calls(self):
        self.start()
        descriptors = self.descriptors()
        for _ in range(1000):
            self.server.get("/healthz")
        wait_for(lambda: self.descriptors() <= descriptors, "the end of a thousand connections")


class Listening(unittest.TestCase):
    def refused(self, *options, token=None):
        server = Server(*options, token=token)
        self.assertIsNone(server.port)
        self.assertEqual(server.process.wait(PATIENCE_S), 2)
        server.process.stdout.close()
        server.log.close()
        return server.greeting

    def test_addresses(self):
        self.assertIn("http.tokens", self.refused("--address", "0.0.0.0"))
        self.assertIn("http.insecure", self.refused("--address", "::"))
        self.assertIn("'localhost' is not an IP address", self.refused("--address", "localhost"))
        self.assertIn("192.0.2.1", self.refused("--address", "192.0.2.1", token="t"))
        for options, token in ((("--address", "0.0.0.0"), "t"), (("--address", "0.0.0.0", "--insecure"), None),
                               (("--address", "127.0.0.2"), None)):
            with Server(*options, token=token):
                pass
        with Server() as server:
            taken = self.refused("--port", str(server.port))
            self.assertIn(f"127.0.0.1 port {server.port}: ", taken)

    def test_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("this machine has no IPv6")
        with Server("--address", "::1") as server:
            connection = http.client.HTTPConnection("::1", server.port, timeout=PATIENCE_S)
            server.call("GET", "/rooms", connection=connection)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.certificate, cls.key = (os.path.join(cls.folder, name) for name in ("certificate.pem", "key.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", cls.key, "-out", cls.certificate, "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)

    def start(self, *options):
        server = self.enterContext(Server("--tls-certificate", self.certificate, "--tls-key", self.key, *options))
        server.tls = tls_context(self.certificate)
        return server

    def test_calls(self):
        server = self.start("--body-limit", "1000")
        self.assertEqual(server.post("/rooms/r", {"userId": 1})["userId"], "1")
        server.post("/rooms", b" " * 1001, expect=413)
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as plain:
            plain.sendall(b"GET /rooms HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertNotIn(b"HTTP/", receive_all(plain))
        self.assertEqual(len(server.get("/rooms")["rooms"]), 1)

    def test_a_connection_does_not_cost_the_reading_of_all_roots(self):
        server = self.start()

        def cpu_s():
            with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
                return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")

        before = cpu_s()
        server.get("/rooms")
        self.assertLess(cpu_s() - before, 1)  # With the sanitizers they took 3 s.

    def test_handshakes_that_never_end(self):
        server = self.start("--read-limit", "2")
        descriptors = os.listdir(f"/proc/{server.process.pid}/fd")
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as silent, \
                socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as half:
            half.sendall(b"\x16\x03\x01\x02\x00\x01")
            self.assertEqual(receive_all(silent), b"")
            receive_all(half)
        wait_for(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= len(descriptors), "their end")

    def test_files(self):
        refused = Listening().refused
        self.assertIn("http.tls-key: is missing", refused("--tls-certificate", self.certificate))
        self.assertIn("http.tls-certificate: is missing", refused("--tls-key", self.key))
        self.assertIn("/nowhere", refused("--tls-certificate", "/nowhere", "--tls-key", self.key))
        self.assertIn("http.tls-key", refused("--tls-certificate", self.certificate, "--tls-key", self.certificate))
