#!/usr/bin/python3
"""stun_test.py SLUICE OFFER: calls with a STUN server that cannot be asked."""
import json
import pathlib
import re
import subprocess
import sys
import unittest
import urllib.request

PATIENCE_S = 20  # The watchdog of every wait.
PROGRAM = None
OFFER = None


class AStunServerWhoseNameDoesNotResolve(unittest.TestCase):
    """libnice never comes to the end of its gathering then. RFC 6761 keeps .invalid for that."""

    def setUp(self):
        options = {"http.port": 0, "ice.addresses": "127.0.0.1", "ice.agent": "full", "ice.port-min": 20000,
                   "ice.port-max": 29999, "ice.stun-server": "stun://stun.invalid:3478"}
        settings = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
        self.process = subprocess.Popen([PROGRAM, *settings], stderr=subprocess.PIPE, encoding="utf-8")
        self.addCleanup(self.stop)
        self.port = int(re.search(r"http_port=(\d+)", next(line for line in self.process.stderr if "http_port=" in line))[1])

    def stop(self):
        self.process.terminate()
        log = self.process.communicate(timeout=PATIENCE_S)[1]
        self.assertEqual(self.process.returncode, 0, log)

    def post(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/rooms/r{path}", method="POST",
                                         data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.load(response)

    def test_what_was_gathered_is_offered(self):
        self.post("", {"userId": "ada"})
        self.post("/users/alan", {})
        produced = self.post("/users/ada/produce", {"offer": {"type": "offer", "sdp": OFFER}})
        (alan,) = produced["outbound"]
        for description in (produced["answer"], alan["offer"]):
            self.assertRegex(description["sdp"], r"a=candidate:.* 127\.0\.0\.1 \d+ typ host")


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    OFFER = "\r\n".join(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()) + "\r\n"
    unittest.main(argv=sys.argv[:1])
