#!/usr/bin/python3
"""stop_test.py SLUICE: the end of the built server, and what an earlier end has left."""
import http.client
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from with_server import PATIENCE_S, WithServer

OFFER = None
LIMIT_S = 5


class Stop(WithServer):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.recordings = self.folder / "recordings"
        self.recordings.mkdir()

    def start_here(self, *options, **environment):
        self.start("--set", f"paths.recordings={self.recordings}", "--set", f"paths.pipelines={self.folder}", *options,
                   **environment)

    def terminate(self):
        self.process.terminate()
        self.since = time.monotonic()
        self.line_with("info stopping")

    def ends_in_time(self):
        """The last lines of the log."""
        log = self.unread + self.process.communicate(timeout=PATIENCE_S)[1]
        self.assertLess(time.monotonic() - self.since, LIMIT_S)
        self.assertEqual(self.process.returncode, 0, log)
        return log.decode()

    def leave(self, description="{}"):
        """A recording as a server that was killed leaves it, but for its content."""
        (self.recordings / "a.webm.part.json").write_text(description, encoding="utf-8")
        return self.recordings / "a.webm.part"

    def files(self):
        return {path.name: path.read_bytes() for path in self.recordings.iterdir()}

    def status(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        self.addCleanup(connection.close)
        connection.request(method, path)
        return connection.getresponse()

    def test_calls_in_hand_and_later_ones(self):
        program, begun, go_on = (self.folder / name for name in ("dot", "begun", "go-on"))
        os.mkfifo(begun)
        os.mkfifo(go_on)
        program.write_text(f"#!/bin/sh\nread drawing\n: > {begun}\nread end < {go_on}\necho \"<svg>$end\"\n", encoding="utf-8")
        program.chmod(0o755)
        self.start_here(PATH=str(self.folder))
        self.call("POST", "/rooms/r", {"userId": "1"})
        self.call("POST", "/rooms/r/users/1/produce", {"offer": {"type": "offer", "sdp": OFFER}})
        drawn = []
        drawing = threading.Thread(target=lambda: drawn.append(self.call("GET", "/debug/pipelines/r/1.svg")))
        drawing.start()
        begun.read_bytes()
        self.terminate()
        self.assertIn('"draining"', self.call("GET", "/healthz"))
        for method, path in (("POST", "/rooms"), ("GET", "/rooms/r"), ("POST", "/rooms/r/users/2"), ("DELETE", "/rooms/r")):
            answer = self.status(method, path)
            self.assertEqual((answer.status, answer.getheader("Retry-After")), (503, "5"))
        go_on.write_text("</svg>\n", encoding="utf-8")
        drawing.join(PATIENCE_S)
        self.assertEqual(drawn, ["<svg></svg>\n"])
        self.assertTrue(self.ends_in_time().endswith(" info stopped\n"))

    def test_what_was_left_is_completed_without_a_branch(self):
        self.leave().write_bytes(b"sound and picture")
        self.start_here()
        self.line_with("a left-over recording is complete", "a.webm")
        self.assertEqual(sorted(self.files()), ["a.webm", "a.webm.json"])

    def copying(self, behind):
        """The server copies a left-over, with an element behind what is written; the files before that."""
        (self.folder / "copy.launch").write_text(
            "# example: from=x to=y\naudiotestsrc is-live=true name=demux ! tee name=mux ! "
            "filesink location=${to} name=${from} buffer-mode=unbuffered async=false\n"
            f"mux. ! {behind} ! fakesink async=false\n", encoding="utf-8")
        self.leave('{"finisher": "copy.launch"}').write_bytes(b"sound and picture")
        before, begin = self.files(), time.monotonic()
        self.start_here()
        copy = self.recordings / "a.webm.finishing"
        while not (copy.exists() and copy.stat().st_size > 0):
            self.assertLess(time.monotonic() - begin, PATIENCE_S, "the copy never began")
        return before

    def test_an_unfinished_copy_does_not_hold_up_the_end(self):
        before = self.copying("identity")
        self.terminate()
        self.assertTrue(self.ends_in_time().endswith(" info stopped\n"))
        self.assertLess(time.monotonic() - self.since, 2)
        self.assertEqual(self.files(), before)

    def test_what_hangs_is_named(self):
        before = self.copying("identity sleep-time=60000000")
        self.terminate()
        self.assertIn(' error hangs what="left-over recordings"\n', self.ends_in_time())
        after = self.files()
        del after["a.webm.finishing"]
        self.assertEqual(after, before)

    def test_a_check_changes_nothing(self):
        self.leave().write_bytes(b"sound and picture")
        before = self.files()
        file = self.folder / "sluice.conf"
        file.write_text("[branch r]\npipeline=record-webm.launch\nlocation=${recordings}/b.webm\n", encoding="utf-8")
        checked = subprocess.run([self.program, "--check", "--config", str(file), "--set", f"paths.recordings={self.recordings}"],
                                 stdout=subprocess.PIPE, encoding="utf-8", timeout=PATIENCE_S, check=True)
        self.assertEqual(checked.stdout, "ok\n")
        self.assertEqual(self.files(), before)


if __name__ == "__main__":
    WithServer.program = sys.argv[1]
    OFFER = "\r\n".join(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()) + "\r\n"
    unittest.main(argv=sys.argv[:1], verbosity=2)
