#!/usr/bin/python3
"""run_script_test.py BUILD: scripts/run.sh with all in place, in a network namespace that has loopback and nothing else."""
import fcntl
import http.client
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

PATIENCE_S = 30  # The watchdog of every wait.
READY_S = 2      # From the command to the first answer.
ROOT = pathlib.Path(__file__).parents[2]
BUILD = None


def raise_loopback():
    up, set_flags = 0x1, 0x8914  # IFF_UP, SIOCSIFFLAGS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up))


def get(port, path):
    """The body; None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


class RunScript(unittest.TestCase):
    ready_after_s = []

    def start(self, *options):
        begin = time.monotonic()
        script = subprocess.Popen([ROOT / "scripts/run.sh", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  encoding="utf-8", start_new_session=True, env=dict(os.environ, SLUICE_BUILD=str(BUILD)))
        self.addCleanup(lambda: script.poll() is None and script.kill())
        self.wait_for("an answer of the server", lambda: get(8080, "/healthz"), script)
        self.ready_after_s.append(time.monotonic() - begin)
        return script

    def wait_for(self, what, look, script):
        end = time.monotonic() + PATIENCE_S
        while not (seen := look()):
            self.assertIsNone(script.poll(), f"the script ended before {what}")
            self.assertLess(time.monotonic(), end, f"{what} never came")
            time.sleep(0.01)  # Between two looks at what cannot be waited for.
        return seen

    def expect_the_end(self, script):
        output = script.communicate(timeout=PATIENCE_S)[0]
        self.assertEqual(script.returncode, 0, output)
        self.assertEqual(output.count(" stopped\n"), 1, output)
        self.assertEqual([get(port, "/") for port in (8080, 8081)], [None, None], "somebody still listens")

    def test_ctrl_c_ends_server_and_demo(self):
        script = self.start()
        self.assertIn(b"<title>sluice demo", self.wait_for("the demo's page", lambda: get(8081, "/"), script))
        os.killpg(script.pid, signal.SIGINT)
        self.expect_the_end(script)

    def test_sigterm_ends_server_and_demo(self):
        script = self.start()
        self.wait_for("the demo's page", lambda: get(8081, "/"), script)
        script.terminate()
        self.expect_the_end(script)

    def test_the_server_alone(self):
        script = self.start("--no-demo", "--set", "log.level=info")
        self.assertIsNone(get(8081, "/"))
        script.terminate()
        self.expect_the_end(script)

    @classmethod
    def tearDownClass(cls):
        # The best of them: the machine may have other things to do.
        assert min(cls.ready_after_s) < READY_S, f"the server answered after {cls.ready_after_s} s"


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    raise_loopback()
    unittest.main(verbosity=2)
