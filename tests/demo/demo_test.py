#!/usr/bin/python3
"""demo_test.py SLUICE_DEMO CONTRACT_SERVER OPENAPI_YAML: the demo against real rooms and fake media."""
import http.client
import os
import pathlib
import select
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "contract"))

from contract import Contract, PATIENCE_S, Server, TOKEN, sdp, wait_for
from page import BINARY, Page

PROGRAM = None


class Demo:
    """A sluice-demo of its own; a context manager that also checks its end."""

    def __init__(self, sluice):
        with tempfile.NamedTemporaryFile("w", prefix="token-") as token:
            token.write(f"# The first of these.\n\n  {TOKEN}\nanother\n")
            token.flush()
            self.process = subprocess.Popen(
                [PROGRAM, "--port", "0", "--sluice", f"http://127.0.0.1:{sluice.port}", "--token", token.name],
                stdout=subprocess.PIPE, env=dict(os.environ, G_DEBUG="fatal-criticals"))
            assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], "the demo printed no address"
            greeting = self.process.stdout.readline().decode()
        self.port = int(greeting.split("http://127.0.0.1:")[1].split("/")[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, f"exit status {self.process.returncode}"


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.sluice = self.enterContext(Server())
        self.demo = self.enterContext(Demo(self.sluice))

    def page(self):
        return self.enterContext(Page(self.demo.port))

    def rooms(self):
        return [room["roomId"] for room in self.sluice.get("/rooms")["rooms"]]


class Flows(DemoTest):
    def test_a_call(self):
        ada, alan = self.page(), self.page()
        first = ada.join("r", "Ada")
        self.assertEqual(first["users"], [])
        produced = ada.call("produce", offer=sdp())
        self.assertEqual(produced["answer"]["type"], "answer")
        self.assertNotIn("outbound", produced)

        second = alan.join("r", "Alan")
        (there,) = second["users"]
        self.assertEqual(there["userId"], first["userId"])
        self.assertEqual(there["offer"]["type"], "offer")
        news = ada.news("joined")
        self.assertEqual((news["userId"], news["userInfo"]), (second["userId"], {"name": "Alan"}))
        self.assertNotIn("offer", news)  # The one there was is for Alan.
        self.assertEqual(alan.call("consume", producerUserId=first["userId"], answer=sdp("answer"))["status"],
                         "connected")

        alan.call("produce", offer=sdp())
        offered = ada.news("producer")
        self.assertEqual(offered["userId"], second["userId"])
        self.assertEqual(offered["offer"]["type"], "offer")
        self.assertEqual(offered["constraints"], {"audio": True, "video": True})
        ada.call("consume", producerUserId=second["userId"], answer=sdp("answer"))

        self.assertEqual(alan.call("produce", constraints={"audio": False})["constraints"],
                         {"audio": False, "video": True})
        muted = ada.news("producer")
        self.assertEqual(muted["constraints"], {"audio": False, "video": True})
        self.assertNotIn("offer", muted)
        self.assertIn("s=restart", ada.call("consume", producerUserId=second["userId"])["offer"]["sdp"])

        alan.call("stop")
        self.assertEqual(ada.news("stopped")["userId"], second["userId"])
        alan.close()
        self.assertEqual(ada.news("left")["userId"], second["userId"])
        self.assertEqual(self.rooms(), ["r"])
        ada.close()
        wait_for(lambda: self.rooms() == [], "the end of the empty room")

    def test_an_offer_that_could_not_be_made(self):
        ada, alan = self.page(), self.page()
        ada.join("r", "Ada")
        alan.join("r", "Alan")
        ada.news("joined")
        ada.call("produce", offer=sdp("offer", "a=x-no-offers"))
        news = alan.news("producer")
        self.assertTrue(news["error"])
        self.assertNotIn("offer", news)

    def test_news_come_in_the_order_of_the_calls(self):
        ada, alan = self.page(), self.page()
        ada.join("r", "Ada")
        alan.join("r", "Alan")
        ada.news("joined")
        ada.call("produce", offer=sdp())
        alan.news("producer")
        wanted = [i % 3 == 0 for i in range(60)]
        for audio in wanted:
            ada.ask("produce", constraints={"audio": audio})
        self.assertEqual([alan.news("producer")["constraints"]["audio"] for _ in wanted], wanted)

    def test_rooms_keep_apart(self):
        ada, alan = self.page(), self.page()
        ada.join("a/b ä?#%", "Ada")
        self.assertEqual(alan.join("other", "Alan")["users"], [])
        ada.call("produce", offer=sdp())
        self.assertEqual(sorted(self.rooms()), ["a/b ä?#%", "other"])
        alan.call("produce", offer=sdp())
        self.assertEqual(alan.waiting, [])

    def test_a_page_that_leaves_at_once(self):
        for _ in range(20):
            page = self.page()
            page.ask("join", room="r", userInfo={})
            page.ask("produce", offer=sdp())
            page.close()
        wait_for(lambda: self.rooms() == [], "the end of the empty room")

    def test_what_a_crash_left_behind(self):
        self.sluice.post("/rooms/r", {"userId": "ghost"})
        self.assertEqual(self.page().join("r", "Ada")["users"], [])


class Errors(DemoTest):
    def test_bad_messages(self):
        page = self.page()
        for message, status in (("", 400), ("{", 400), ("[]", 400), ("7", 400), ("[" * 65000, 400), ("{}", 409),
                                ('{"type": 5}', 409), ('{"type": "produce"}', 409), ('{"type": "join"}', 400),
                                ('{"type": "join", "room": 5}', 400), ('{"type": "join", "room": ""}', 400),
                                ('{"type": "join", "room": "%s"}' % ("x" * 200), 400)):
            with self.subTest(message=message[:40]):
                page.send(message)
                error = page.receive()
                self.assertEqual((error["type"], error["id"], error["status"]), ("error", 0, status))
                self.assertTrue(error["detail"])
        page.send(b"{}", BINARY)
        self.assertEqual(page.receive()["status"], 400)
        page.join("r", "Ada")
        self.assertEqual(page.fail("join", room="s")["status"], 409)
        self.assertEqual(page.fail("dance")["status"], 400)
        self.assertEqual(page.fail("produce", offer=sdp(), dance=1)["field"], "dance")
        self.assertEqual(page.fail("produce", offer=sdp("offer", "a=x-refuse"))["status"], 422)
        self.assertEqual(page.fail("consume", producerUserId="nobody", answer=sdp("answer"))["status"], 404)
        page.call("produce", offer=sdp())

    def test_too_deep_a_message(self):
        page = self.page()
        for brackets in ("[" * 32000 + "]" * 32000, "{'':" * 10000 + "''" + "}" * 10000, '["]",' * 10000):
            page.send(brackets)
            error = page.receive()
            self.assertEqual((error["type"], error["status"]), ("error", 400))
            self.assertIn(" opening brackets; 1000 are allowed", error["detail"])
        page.join("r", "Ada")

    def test_a_page_of_another_site(self):
        for origin in ("http://elsewhere", "http://x", "http://x:2", "http://y.x:1", "null", ""):
            with self.subTest(origin), self.assertRaisesRegex(ConnectionRefusedError, " 403 "):
                Page(self.demo.port, origin)
        for origin in ("http://x:1", "https://x:1"):
            with Page(self.demo.port, origin) as page:
                page.join("r", "Ada")

    def test_too_long_a_message(self):
        page = self.page()
        page.socket.sendall(struct.pack("!BBQ4s", 0x81, 0xFF, 70000, b"mask"))  # Its head is enough.
        page.stream.read()  # The connection comes to an end...
        self.page().join("r", "Ada")  # ...and nothing else does.

    def test_a_server_that_has_forgotten_the_room(self):
        ada, alan, other = self.page(), self.page(), self.page()
        ada.join("r", "Ada")
        alan.join("r", "Alan")
        ada.news("joined")
        other.join("other", "Grace")
        self.sluice.delete("/rooms/r")
        asked = [ada.ask("produce", offer=sdp()) for _ in range(3)]
        self.assertEqual(ada.answer(asked[0])["status"], 404)
        self.assertEqual([page.receive() for page in (ada, alan)], [4404, 4404])
        other.call("produce", offer=sdp())
        self.page().join("r", "Ada")

    def test_a_page_that_is_not_known_yet(self):
        ada, alan = self.page(), self.page()
        ada.join("r", "Ada")
        ada.ask("produce", offer=sdp("offer", "a=x-late"))
        ada.fail("dance")  # What she asked before has begun.
        alan.ask("join", room="r", userInfo={})  # Waits for it.
        self.assertEqual(alan.fail("consume", producerUserId="nobody", answer=sdp("answer"))["status"], 404)
        ada.call("produce", constraints={})

    def test_a_server_that_is_down(self):
        page = self.page()
        page.join("r", "Ada")
        self.sluice.terminate()
        self.sluice.process.wait(PATIENCE_S)
        error = page.fail("produce", offer=sdp())
        self.assertEqual(error["status"], 503)
        self.assertIn("does not answer", error["detail"])
        self.assertEqual(self.page().fail("join", room="s")["status"], 503)


class Program(DemoTest):
    def test_the_page(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.demo.port, timeout=PATIENCE_S)
        for path, status, kind in (("/", 200, "text/html"), ("/app.js", 200, "text/javascript"),
                                   ("/style.css", 200, "text/css"), ("/icon.svg", 200, "image/svg+xml"),
                                   ("/other", 404, None), ("/../demo_test.py", 404, None), ("/ws", 400, None)):
            with self.subTest(path=path):
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                self.assertEqual(response.status, status)
                if kind:
                    self.assertEqual(response.headers["Content-Type"].split(";")[0], kind)
        connection.close()

    def test_bad_options(self):
        for options in (["--port", "70000"], ["--listen-address", "here"], ["--sluice", "here"], ["--token", "/none"],
                        ["--token", "/dev/null"], ["extra"], ["--port", str(self.demo.port)]):
            with self.subTest(options=options):
                run = subprocess.run([PROGRAM, *options], stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
                self.assertEqual(run.returncode, 1)
                self.assertTrue(run.stderr.startswith(b"sluice-demo: "), run.stderr)


if __name__ == "__main__":
    PROGRAM, Server.program = sys.argv[1:3]
    Server.contract = Contract(sys.argv[3])
    unittest.main(argv=[sys.argv[0]], verbosity=2)
