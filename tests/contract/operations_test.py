"""Every operation, with every outcome that is its own."""
import socket
import time
import unittest

from contract import PATIENCE_S, Server, sdp, wait_for

ALL = {"audio": True, "video": True}
NONE = {"audio": False, "video": False}


def path_of(pattern, room="r", user="u"):
    return pattern.replace("{roomId}", room).replace("{userId}", user).replace("{branchName}", "recording")


class Operations(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server())

    def enter(self, *users, room="r"):
        for user in users:
            self.server.post(f"/rooms/{room}", {"userId": user, "userInfo": {"name": user}})

    def test_rooms(self):
        server = self.server
        self.assertEqual(server.get("/rooms"), {"rooms": []})
        made = server.post("/rooms")
        self.assertRegex(made["roomId"], "^[0-9a-f]{8}-")
        self.assertEqual(made["users"], [])
        self.assertEqual(server.post("/rooms/a"), {"roomId": "a", "users": []})
        self.assertEqual(server.post("/rooms/a", {}), {"roomId": "a", "users": []})
        self.assertEqual(server.post("/rooms/a", {"userId": 7}),
                         {"roomId": "a", "userId": "7", "users": [], "userInfo": {}})
        self.assertEqual(server.post("/rooms/a")["users"], [{"userId": "7", "userInfo": {}}])
        server.post("/rooms/a", {"userId": "7"}, expect=409)
        self.assertIn({"roomId": "a", "users": 1, "producers": 0, "consumers": 0}, server.get("/rooms")["rooms"])
        self.assertEqual(server.delete("/rooms/a"), {"count": 1})
        self.assertEqual(server.delete("/rooms/" + made["roomId"], {}), {"count": 0})
        server.delete("/rooms/a", expect=404)
        server.call("GET", "/rooms/a", expect=404)
        server.call("GET", "/rooms/a/stats", expect=404)

    def test_a_slash_at_the_end_counts_for_nothing(self):
        self.assertRegex(self.server.post("/rooms/")["roomId"], "^[0-9a-f]{8}-")
        self.assertEqual(self.server.post("/rooms/a/")["roomId"], "a")

    def test_users(self):
        server = self.server
        server.post("/rooms/r/users/1", expect=404)
        server.post("/rooms/r")
        self.assertEqual(server.post("/rooms/r/users/1"), {"userId": "1", "userInfo": {}, "users": []})
        self.assertEqual(server.post("/rooms/r/users/2", {"userInfo": [1, "x", None]}),
                         {"userId": "2", "userInfo": [1, "x", None], "users": [{"userId": "1", "userInfo": {}}]})
        server.post("/rooms/r/users/2", expect=409)
        self.assertEqual(server.delete("/rooms/r/users/1"),
                         {"userId": "1", "userInfo": {}, "outbound": [{"userId": "2", "userInfo": [1, "x", None]}]})
        server.delete("/rooms/r/users/1", expect=404)
        self.assertEqual(server.delete("/rooms/r/users/2", {})["outbound"], [])
        server.delete("/rooms/r/users/2", expect=404)
        self.assertEqual(server.get("/rooms"), {"rooms": []})

    def test_ids_are_opaque(self):
        ids = {"a%2Fb": "a/b", "%E2%82%AC%20%25": "€ %", "...": "...", "x" * 128: "x" * 128,
               "produce": "produce", "a:b@c;d=e,f'g": "a:b@c;d=e,f'g", "%22%5C": '"\\', "a+b": "a+b"}
        for encoded, decoded in ids.items():
            with self.subTest(id=decoded):
                self.assertEqual(self.server.post("/rooms/" + encoded)["roomId"], decoded)
                self.assertEqual(self.server.post(f"/rooms/{encoded}/users/{encoded}")["userId"], decoded)
                self.server.call("POST", "/rooms", {"userId": decoded})
                self.assertEqual(self.server.get(f"/rooms/{encoded}")["users"][0]["userId"], decoded)
                self.server.delete(f"/rooms/{encoded}")

    def test_user_info_comes_back_as_it_came(self):
        for i, info in enumerate([b"1.10", b"12345678901234567890123", b"1e999", b"-0.0", b"null", b"false", b'""',
                                  b'{ "b" :[ ], "a":"\\u20ac\\u0000\\/" }', "\"€\"".encode(), b'"\\ud83d"',
                                  b'{"\\udc00":{"a":1,"a":"\\ud800\\u0041"}}', b"[" * 500 + b"]" * 500,
                                  b'"' + b"x" * (16384 - 2) + b'"']):
            with self.subTest(info=info[:40]):
                body = b'{"userId":%d,"userInfo":%b}' % (i, info)
                self.assertIn(b'"userInfo":' + info, self.server.call("POST", "/rooms/r", body).body)

    def test_produce_and_consume(self):
        server = self.server
        self.enter("1", "2")
        produced = server.post("/rooms/r/users/1/produce", {"offer": sdp()})
        self.assertEqual(produced["answer"]["type"], "answer")
        self.assertEqual(produced["constraints"], ALL)
        (told,) = produced["outbound"]
        self.assertEqual((told["userId"], told["userInfo"], told["offer"]["type"]), ("2", {"name": "2"}, "offer"))

        answer = {"producerUserId": "1", "answer": sdp("answer")}
        self.assertEqual(server.post("/rooms/r/users/2/consume", answer), {"status": "connected"})
        server.post("/rooms/r/users/2/consume", answer, expect=409)
        self.assertEqual(server.post("/rooms/r/users/2/consume", {"producerUserId": 1}),
                         {"offer": {"type": "offer", "sdp": "v=0\r\ns=restart\r\n"}})

        joined = server.post("/rooms/r/users/3")
        self.assertEqual({user["userId"]: user.get("constraints") for user in joined["users"]}, {"1": ALL, "2": None})
        self.assertEqual(joined["users"][0]["offer"]["type"], "offer")

        room = server.get("/rooms/r")
        self.assertEqual(room["users"][0]["producer"], {"state": "connected", "constraints": ALL})
        self.assertEqual(room["users"][1]["consumers"], [{"producerUserId": "1", "state": "connected"}])
        self.assertEqual(server.get("/rooms")["rooms"],
                         [{"roomId": "r", "users": 3, "producers": 1, "consumers": 2}])

        self.assertEqual(server.delete("/rooms/r/users/1/produce", {})["constraints"], NONE)
        again = server.delete("/rooms/r/users/1/produce")
        self.assertEqual(again, {"userId": "1", "userInfo": {"name": "1"}, "constraints": NONE,
                                 "outbound": [{"userId": "2", "userInfo": {"name": "2"}},
                                              {"userId": "3", "userInfo": {}}]})
        server.post("/rooms/r/users/2/consume", answer, expect=404)

    def test_branches(self):
        server = self.server
        self.enter("1")
        branches = "/rooms/r/users/1/branches"
        self.assertEqual(server.get(branches), {"branches": []})
        server.call("GET", "/rooms/r/users/2/branches", expect=404)
        server.post(branches + "/recording", expect=409)
        server.delete(branches + "/recording", expect=409)
        server.post("/rooms/r/users/1/produce", {"offer": sdp()})
        self.assertEqual([branch["state"] for branch in server.get(branches)["branches"]], ["idle"] * 3)
        server.post(branches + "/nothing", expect=404)
        server.delete(branches + "/nothing", expect=404)
        for wrong in (7, [], {"interval": 1.5}, {"interval": True}, {"interval": None}, {"location": "/etc/passwd"}):
            with self.subTest(parameters=wrong):
                said = server.post(branches + "/recording", {"parameters": wrong}, expect=400)
                self.assertTrue(said["field"].startswith("parameters"), said)
        begun = server.post(branches + "/recording", {"parameters": {"interval": 5}})
        self.assertEqual((begun["name"], begun["state"]), ("recording", "running"))
        server.post(branches + "/recording", expect=409)
        ended = server.delete(branches + "/recording", {})
        self.assertEqual((ended["state"], ended["files"]), ("ended", ["/recordings/a.webm"]))
        server.delete(branches + "/recording", expect=409)
        server.post(branches + "/broken")
        self.assertIn("the disk is full", server.delete(branches + "/broken", expect=500)["detail"])

    def test_constraints(self):
        server = self.server
        self.enter("1", "2")
        produce = "/rooms/r/users/1/produce"
        server.post(produce, {"constraints": ALL}, expect=409)
        server.post(produce, {"constraints": {}}, expect=409)
        self.assertEqual(server.post(produce, {"offer": sdp(), "constraints": {}})["constraints"], ALL)
        muted = server.post(produce, {"constraints": {"audio": False}})
        self.assertEqual(muted["constraints"], {"audio": False, "video": True})
        self.assertEqual(muted["outbound"], [{"userId": "2", "userInfo": {"name": "2"}}])
        self.assertNotIn("answer", muted)
        self.assertEqual(server.post(produce, {"constraints": {}}), muted)
        self.assertEqual(server.post(produce, {"constraints": {"audio": True, "video": False}})["constraints"],
                         {"audio": True, "video": False})
        reloaded = server.post(produce, {"offer": sdp(), "constraints": {"audio": False}})
        self.assertEqual(reloaded["constraints"], {"audio": False, "video": True})

    def test_unknown_rooms_and_users(self):
        self.enter("1")
        for room, user in (("r", "2"), ("x", "1")):
            at = f"/rooms/{room}/users/{user}"
            self.server.post(at + "/produce", {"offer": sdp()}, expect=404)
            self.server.post(at + "/consume", {"producerUserId": "1"}, expect=404)
            self.server.delete(at + "/produce", expect=404)
            self.server.delete(at, expect=404)

    def test_sdp_that_cannot_be_taken(self):
        server = self.server
        self.enter("1", "2")
        before = server.state()
        for lines, status in ((["a=x-refuse"], 422), (["a=x-drop"], 500)):
            problem = server.post("/rooms/r/users/1/produce", {"offer": sdp("offer", *lines)}, expect=status)
            self.assertEqual(problem.get("field"), "offer.sdp" if status == 422 else None)
        problem = server.post("/rooms/r/users/1/produce", {"offer": {"type": "offer", "sdp": "..."}}, expect=400)
        self.assertEqual(problem["field"], "offer.sdp")
        self.assertEqual(server.state(), before)

        server.post("/rooms/r/users/1/produce", {"offer": sdp()})
        consume = "/rooms/r/users/2/consume"
        for answer, status in ((sdp("answer", "a=x-refuse"), 422), (sdp("answer", "a=x-drop"), 500),
                               ({"type": "answer", "sdp": "..."}, 400)):
            problem = server.post(consume, {"producerUserId": "1", "answer": answer}, expect=status)
            self.assertEqual(problem.get("field"), None if status == 500 else "answer.sdp")
        server.post(consume, {"producerUserId": "1", "answer": sdp("answer")})

    def test_an_offer_that_cannot_be_made(self):
        self.enter("1", "2")
        (told,) = self.server.post("/rooms/r/users/1/produce", {"offer": sdp("offer", "a=x-no-offers")})["outbound"]
        self.assertIn("refused", told["error"])
        self.assertIn("refused", self.server.post("/rooms/r/users/3")["users"][0]["error"])
        self.server.post("/rooms/r/users/2/consume", {"producerUserId": "1"}, expect=422)

    def test_health(self):
        self.assertEqual(self.server.get("/healthz", headers={"Authorization": None})["status"], "ok")

    def test_methods(self):
        allowed = {"/rooms": "POST, GET", "/rooms/r": "POST, DELETE, GET", "/rooms/r/users/1": "POST, DELETE",
                   "/rooms/r/users/1/produce": "POST, DELETE", "/rooms/r/users/1/consume": "POST",
                   "/rooms/r/stats": "GET", "/healthz": "GET", "/metrics": "GET", "/debug/pipelines": "GET", "/debug/log": "GET, PUT",
                   "/debug/pipelines/r/1.dot": "GET"}
        for path, methods in allowed.items():
            for method in {"GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "X"} - set(methods.split(", ")):
                with self.subTest(method=method, path=path):
                    response = self.server.call(method, path, expect=405)
                    self.assertEqual(response.headers["Allow"], methods)
        for path in ("/", "/room", "/rooms/r/users", "/rooms/r/x", "/rooms/r/users/1/x", "/rooms/r/users/1/produce/x",
                     "//rooms", "/ROOMS", "/debug", "/debug/pipelines/r", "/debug/pipelines/r/1",
                     "/debug/pipelines/r/1.png", "/debug/pipelines/r/1.dot/x"):
            with self.subTest(path=path):
                self.server.call("POST", path, expect=404)

    def test_request_id(self):
        self.assertEqual(self.server.call("GET", "/rooms", headers={"X-Request-Id": "abc-1.2_3"})
                         .headers["X-Request-Id"], "abc-1.2_3")
        for strange in ("", "a b", "x" * 65, "é", "a\tb"):
            given = self.server.call("GET", "/rooms", headers={"X-Request-Id": strange.encode()}).headers["X-Request-Id"]
            self.assertRegex(given, "^[0-9a-f-]{36}$")
        self.assertRegex(self.server.log_text(),
                         r"request method=GET path=/rooms status=200 duration_ms=\d+ .*request=abc-1.2_3\n")


class Everywhere(unittest.TestCase):
    """The outcomes that all operations share."""

    def setUp(self):
        self.server = self.enterContext(Server("--body-limit", "1000"))
        self.server.post("/rooms/r", {"userId": "u"})
        self.before = self.server.state()

    def tearDown(self):
        self.assertEqual(self.server.state(), self.before)

    def each(self, try_it):
        for name, (method, pattern, operation) in Server.contract.operations.items():
            with self.subTest(operation=name):
                try_it(method, path_of(pattern), operation)

    def test_tokens(self):
        token = self.server.token

        def try_it(method, path, operation):
            if operation.get("security") == []:
                return
            for value in (None, "", "Bearer", "Bearer ", "Bearer a", "Basic YTpi", "Bearer " + token + "x",
                          "Bearer " + token[:-1], "Bearer" + token, token):
                self.server.call(method, path, expect=401, headers={"Authorization": value})
        self.each(try_it)

    def test_malformed(self):
        def try_it(method, path, operation):
            if "400" not in operation["responses"]:
                return
            problem = self.server.call(method, path, b"{", expect=400).json
            self.assertIn("at byte 1", problem["detail"])
            problem = self.server.call(method, path, {"colour": 1}, expect=400).json
            self.assertIn(problem["field"], ("colour", "offer", "producerUserId", "threshold"))
        self.each(try_it)

    def test_too_slow(self):
        with Server("--read-limit", "1") as server:
            for exchange in [server.begin(method, path_of(pattern), b"{", headers={"Content-Length": "2"})
                             for method, pattern, _ in Server.contract.operations.values()]:
                exchange.finish(408)

    def test_too_large(self):
        self.each(lambda method, path, _: self.server.call(method, path, b" " * 1001, expect=413))

    def test_not_json(self):
        def try_it(method, path, _):
            for content_type in (None, "text/plain", "application/json; charset=latin1", "application/jsonx", "json",
                                 "application/x-www-form-urlencoded", ""):
                self.server.call(method, path, b"{}", expect=415, headers={"Content-Type": content_type})
            self.server.call(method, path, b"{}", expect=415, headers={"Content-Encoding": "gzip"})
        self.each(try_it)

    def test_json_by_other_names(self):
        for content_type in ("application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\"",
                             "application/json; x=y"):
            self.server.call("GET", "/rooms", b"{}", headers={"Content-Type": content_type})


class Limits(unittest.TestCase):
    def test_users(self):
        with Server("--users-per-room", "1") as server:
            server.post("/rooms/r", {"userId": "1"})
            server.post("/rooms/r", {"userId": "2"}, expect=503)
            server.post("/rooms/r/users/2", expect=503)

    def test_connections(self):
        with Server("--connections", "2") as server:
            for room in ("a", "b"):
                server.post("/rooms/" + room, {"userId": "1"})
                server.post(f"/rooms/{room}/users/2")
            server.post("/rooms/a/users/1/produce", {"offer": sdp("offer", "a=x-no-offers")})
            server.post("/rooms/b/users/1/produce", {"offer": sdp()}, expect=503)
            server.delete("/rooms/b/users/2")
            server.post("/rooms/b/users/1/produce", {"offer": sdp()})
            server.post("/rooms/a/users/2/consume", {"producerUserId": "1"}, expect=503)


class Slow(unittest.TestCase):
    """Calls that take longer than the deadline."""

    def setUp(self):
        self.server = self.enterContext(Server("--deadline", "3"))
        for user in ("1", "2", "3"):
            self.server.post("/rooms/r", {"userId": user})
        self.running = []

    def begin(self, *call):
        """A call that has been read when this returns."""
        self.running.append(self.server.begin(*call))
        self.server.get("/healthz")

    def finish(self):
        for call in self.running:
            call.finish(504)

    def test_deadline(self):
        server = self.server
        server.post("/rooms/r/users/2/produce", {"offer": sdp()})
        self.begin("POST", "/rooms/r/users/1/produce", {"offer": sdp("offer", "a=x-never")})
        self.begin("POST", "/rooms/r/users/3/consume",
                   {"producerUserId": "2", "answer": sdp("answer", "a=x-never")})
        server.post("/rooms/r/users/2/branches/endless")
        self.begin("DELETE", "/rooms/r/users/2/branches/endless")
        # These wait for their turn.
        self.begin("DELETE", "/rooms/r/users/1/produce")
        self.begin("POST", "/rooms/r", {"userId": "1"})
        self.begin("POST", "/rooms/r/users/1")
        self.begin("POST", "/rooms/r/users/1/branches/recording")
        self.begin("DELETE", "/rooms/r/users/3")
        # These do not.
        server.post("/rooms/r/users/4")
        server.delete("/rooms/r/users/4")
        self.finish()
        self.assertRegex(server.log_text(), r"warning request method=DELETE path=\S+ status=504")
        # Behind them once they have had their turn: a failed call has changed nothing.
        constraints = {"constraints": ALL}
        server.post("/rooms/r/users/3/produce", constraints, expect=409)
        server.post("/rooms/r/users/1/produce", constraints, expect=409)
        self.assertEqual([user["userId"] for user in server.get("/rooms/r")["users"]], ["1", "2", "3"])

    def test_a_room_that_goes_meanwhile(self):
        self.begin("POST", "/rooms/r/users/1/produce", {"offer": sdp("offer", "a=x-never")})
        self.begin("POST", "/rooms/r", {"userId": "1"})
        self.begin("POST", "/rooms/r/users/1")
        self.server.delete("/rooms/r")
        for call in self.running:
            self.assertEqual(call.finish(404).json["detail"], 'the room "r" was deleted')


class Draining(unittest.TestCase):
    """What is answered between SIGTERM and the end. An endless branch makes that as long as it may be."""

    def setUp(self):
        self.server = self.enterContext(Server())
        for user in ("1", "2", "3"):
            self.server.post("/rooms/r", {"userId": user})
        self.server.post("/rooms/r/users/2/produce", {"offer": sdp()})
        self.server.post("/rooms/r/users/2/branches/endless")

    def terminate(self, *calls):
        """SIGTERM while these calls are in hand; they are returned when it has been seen."""
        begun = []
        for call in calls:
            begun.append(self.server.begin(*call))
            self.assertEqual(self.server.get("/healthz")["status"], "ok")  # All before has been read.
        self.server.terminate()
        self.since = time.monotonic()
        wait_for(lambda: self.server.get("/healthz")["status"] == "draining", "the draining")
        return begun

    def ends_in_time(self):
        self.assertEqual(self.server.process.wait(PATIENCE_S), 0)
        self.assertLess(time.monotonic() - self.since, 5)

    def test_calls_in_hand(self):
        endless, late, waits, never, waits_longer = self.terminate(
            ("DELETE", "/rooms/r/users/2/branches/endless"),
            ("POST", "/rooms/r/users/1/produce", {"offer": sdp("offer", "a=x-late")}),
            ("DELETE", "/rooms/r/users/1"),
            ("POST", "/rooms/r/users/3/produce", {"offer": sdp("offer", "a=x-never")}),
            ("DELETE", "/rooms/r/users/3"))
        late.finish(200)
        waits.finish(200)
        for call in (endless, never, waits_longer):
            self.assertEqual(call.finish(503).json["detail"], "the server is draining")
        self.ends_in_time()

    def test_calls_that_come_then(self):
        half_read = self.enterContext(socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S))
        half_read.sendall(b"POST /rooms HTTP/1.1\r\nHost: x\r\n")
        self.terminate(("DELETE", "/rooms/r/users/2/branches/endless"))
        for method, pattern, operation in Server.contract.operations.values():
            if operation.get("security") != []:
                with self.subTest(pattern, method=method):
                    self.server.call(method, path_of(pattern), expect=503)
        self.server.call("POST", "/rooms/r", expect=401, headers={"Authorization": None})
        self.server.call("POST", "/room", expect=404)
        with half_read.makefile("rb") as answer:
            self.assertTrue(answer.readline().startswith(b"HTTP/1.1 503 "))
            self.assertIn(b"\r\nRetry-After: ", answer.read())
        self.assertEqual(self.server.get("/healthz")["status"], "draining")
        self.ends_in_time()
