"""What the server shows of its pipelines."""
import os
import pathlib
import tempfile
import unittest

from contract import Server, sdp, wait_for

FORMS = ("dot", "svg", "txt")


class Pipelines(unittest.TestCase):
    def produce(self, server, user="1", *lines):
        server.post("/rooms/r", {"userId": user})
        server.post(f"/rooms/r/users/{user}/produce", {"offer": sdp("offer", *lines)})

    def test_the_list(self):
        server = self.enterContext(Server())
        self.assertEqual(server.get("/debug/pipelines"), {"pipelines": []})
        server.post("/rooms/r", {"userId": "2"})
        self.produce(server)
        server.post("/rooms/r/users/1/branches/recording")
        (pipeline,) = server.get("/debug/pipelines")["pipelines"]
        self.assertEqual((pipeline["roomId"], pipeline["userId"], pipeline["packetsReceived"]), ("r", "1", 20))
        self.assertEqual([track["codec"] for track in pipeline["tracks"]], ["opus", "VP8"])
        self.assertEqual([(to["userId"], to["bytesSent"]) for to in pipeline["consumers"]], [("2", 1000)])
        self.assertEqual([(branch["name"], branch["state"]) for branch in pipeline["branches"]],
                         [("recording", "running"), ("broken", "idle"), ("endless", "idle")])

    def test_every_form(self):
        server = self.enterContext(Server())
        self.produce(server)
        drawn = {form: server.call("GET", f"/debug/pipelines/r/1.{form}").body.decode() for form in FORMS}
        self.assertEqual(drawn["dot"], "digraph { a -> folded }\n")
        self.assertEqual(drawn["txt"], "a ! folded\n")
        self.assertIn("</svg>", drawn["svg"])
        self.assertIn(">folded<", drawn["svg"])
        self.assertEqual(server.call("GET", "/debug/pipelines/r/1.txt?all=true").body, b"a ! whole\n")
        self.assertEqual(server.call("GET", "/debug/pipelines/r/1.txt?all=false").body, b"a ! folded\n")
        for query in ("all", "all=1", "all=true&x", "colour=red"):
            self.assertEqual(server.call("GET", "/debug/pipelines/r/1.dot?" + query, expect=400).json["field"], "all")

    def test_a_user_whose_name_ends_like_a_form(self):
        server = self.enterContext(Server())
        self.produce(server, "a.txt")
        self.assertEqual(server.call("GET", "/debug/pipelines/r/a.txt.txt").body, b"a ! folded\n")
        server.call("GET", "/debug/pipelines/r/a.txt", expect=404)

    def test_what_cannot_be_drawn(self):
        server = self.enterContext(Server())
        server.post("/rooms/r", {"userId": "2"})
        self.produce(server, "1", "a=x-no-drawing")
        self.produce(server, "3", "a=x-bad-drawing")
        for form in FORMS:
            server.call("GET", f"/debug/pipelines/x/1.{form}", expect=404)
            server.call("GET", f"/debug/pipelines/r/x.{form}", expect=404)
            self.assertIn("not producing", server.call("GET", f"/debug/pipelines/r/2.{form}", expect=404).json["detail"])
            server.call("GET", f"/debug/pipelines/r/1.{form}", expect=500)
        self.assertIn("graphviz", server.call("GET", "/debug/pipelines/r/3.svg", expect=500).json["detail"])

    def test_a_pipeline_that_hangs(self):
        server = self.enterContext(Server("--deadline", "1"))
        self.produce(server, "1", "a=x-endless-drawing")
        waiting = [server.begin("GET", f"/debug/pipelines/r/1.{form}") for form in FORMS]
        for exchange in waiting:
            exchange.finish(504)

    def test_without_graphviz(self):
        with tempfile.TemporaryDirectory() as empty:
            server = self.enterContext(Server(path=empty))
            self.produce(server)
            self.assertIn("graphviz", server.call("GET", "/debug/pipelines/r/1.svg", expect=501).json["detail"])
            server.call("GET", "/debug/pipelines/r/1.dot")

    def test_a_graphviz_that_takes_its_time(self):
        """It holds nobody up but those who wait for it, and of them only some."""
        with tempfile.TemporaryDirectory() as folder:
            program, go_on, begun = (pathlib.Path(folder) / name for name in ("dot", "go-on", "begun"))
            os.mkfifo(go_on)
            held = os.open(go_on, os.O_RDWR)
            self.addCleanup(os.close, held)
            program.write_text(f"#!/bin/sh\nread drawing\n: > {begun}.$$\nread end < {go_on}\necho \"$drawing $end\"\n",
                               encoding="utf-8")
            program.chmod(0o755)
            server = self.enterContext(Server(path=folder))
            self.produce(server)
            waiting = [server.begin("GET", "/debug/pipelines/r/1.svg") for _ in range(2)]
            wait_for(lambda: len(list(pathlib.Path(folder).glob("begun.*"))) == 2, "the second drawing")
            server.call("GET", "/debug/pipelines/r/1.svg", expect=503)
            server.get("/healthz")
            os.write(held, b"</svg>\n</svg>\n")
            for exchange in waiting:
                self.assertIn(b"digraph { a -> folded } ", exchange.finish(200).body)


class Log(unittest.TestCase):
    def test_the_threshold(self):
        server = self.enterContext(Server())

        def put(body, **more):
            return server.call("PUT", "/debug/log", body, **more).json
        self.assertEqual(server.get("/debug/log"), {"threshold": ""})
        self.assertEqual(put({"threshold": "webrtcbin:5"}), {"threshold": "webrtcbin:5"})
        for wrong in ({"threshold": "webrtcbin"}, {"threshold": 5}, {"threshold": None}, {"threshold": "a\0:5"}, {}, None):
            self.assertEqual(put(wrong, expect=400)["field"], "threshold")
        self.assertEqual(server.get("/debug/log"), {"threshold": "webrtcbin:5"})
        for wrong, field in (({"userId": "1"}, "userId"), ({"roomId": ""}, "roomId"), ({"roomId": None}, "roomId"),
                             ({"roomId": "r", "userId": "\n"}, "userId"), ({"room": "r"}, "room")):
            self.assertEqual(put({"threshold": "webrtcbin:5"} | wrong, expect=400)["field"], field)
        for scope in ({"roomId": "r"}, {"roomId": "a/b|c", "userId": "é"}, {}):
            self.assertEqual(put({"threshold": "webrtcbin:5"} | scope), {"threshold": "webrtcbin:5"} | scope)
            self.assertEqual(server.get("/debug/log"), {"threshold": "webrtcbin:5"} | scope)
        self.assertEqual(put({"threshold": "", "roomId": 1, "userId": 2}), {"threshold": "", "roomId": "1", "userId": "2"})
        self.assertEqual(put({"threshold": ""}), {"threshold": ""})
