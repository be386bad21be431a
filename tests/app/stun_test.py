#!/usr/bin/python3
"""stun_test.py SLUICE OFFER: calls with a STUN server that cannot be asked."""
import json
import pathlib
import sys
import unittest

import with_server


class AStunServerWhoseNameDoesNotResolve(with_server.WithServer):
    """libnice never comes to the end of its gathering then. RFC 6761 keeps .invalid for that."""
    offer = None

    def test_what_was_gathered_is_offered(self):
        options = {"ice.agent": "full", "ice.port-min": 20000, "ice.port-max": 29999, "ice.stun-server": "stun://stun.invalid:3478"}
        self.start(*(part for key, value in options.items() for part in ("--set", f"{key}={value}")))
        self.call("POST", "/rooms/r", {"userId": "ada"})
        self.call("POST", "/rooms/r/users/alan", {})
        produced = json.loads(self.call("POST", "/rooms/r/users/ada/produce", {"offer": {"type": "offer", "sdp": self.offer}}))
        (alan,) = produced["outbound"]
        for description in (produced["answer"], alan["offer"]):
            self.assertRegex(description["sdp"], r"a=candidate:.* 127\.0\.0\.1 \d+ typ host")


if __name__ == "__main__":
    with_server.WithServer.program = sys.argv[1]
    AStunServerWhoseNameDoesNotResolve.offer = (
        "\r\n".join(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()) + "\r\n")
    unittest.main(argv=sys.argv[:1])
