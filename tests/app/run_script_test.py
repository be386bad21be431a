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
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/contract"), str(ROOT / "tests/demo")]

from page import Page

PATIENCE_S = 30  # The watchdog of every wait.
READY_S = 2      # From the command to the first answer.
BUILD = None

# In the place of the server: the script is signalled as soon as that is started.
SIGNALLING = """\
#!/bin/sh
case "$*" in *--print-config*) ;; *) kill -TERM $(cut -d " " -f 6 /proc/$$/stat) ;; esac
exec %s "$@"
"""


def raise_loopback():
    up, set_flags = 0x1, 0x8914  # IFF_UP, SIOCSIFFLAGS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", up))


def get(port, path, address="127.0.0.1"):
    """The body; None while nobody listens."""
    connection = http.client.HTTPConnection(address, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()


class RunScript(unittest.TestCase):
    ready_after_s = []

    def run_script(self, *options, build=None):
        script = subprocess.Popen([ROOT / "scripts/run.sh", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  encoding="utf-8", start_new_session=True, env=dict(os.environ, SLUICE_BUILD=str(build or BUILD)))
        self.addCleanup(lambda: script.poll() is None and script.kill())
        return script

    def start(self, *options, address="127.0.0.1"):
        begin = time.monotonic()
        script = self.run_script(*options)
        self.wait_for("an answer of the server", lambda: get(8080, "/healthz", address), script)
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

    def test_the_end_of_the_terminal_ends_server_and_demo(self):
        script = self.start()
        self.wait_for("the demo's page", lambda: get(8081, "/"), script)
        os.killpg(script.pid, signal.SIGHUP)
        self.expect_the_end(script)

    def test_a_signal_while_the_parts_are_started(self):
        with tempfile.TemporaryDirectory() as folder:
            build = pathlib.Path(folder)
            (build / "build.ninja").write_text("build src/app/sluice demo/sluice-demo: phony\n", encoding="utf-8")
            for program in ("src/app/sluice", "demo/sluice-demo"):
                (build / program).parent.mkdir(parents=True)
                (build / program).write_text(SIGNALLING % (BUILD / program), encoding="utf-8")
                (build / program).chmod(0o755)
            script = self.run_script(build=build)
            script.communicate(timeout=PATIENCE_S)  # Its output ends with the last of those who have it.
            self.assertEqual([get(port, "/") for port in (8080, 8081)], [None, None], "somebody still listens")

    def test_the_demo_knows_address_and_token(self):
        with tempfile.NamedTemporaryFile("w") as tokens:
            tokens.write("# Two of them.\nsesame\nsimsim\n")
            tokens.flush()
            script = self.start("--set", "http.address=127.0.0.2", "--set", "http.tokens=" + tokens.name, address="127.0.0.2")
            self.wait_for("the demo's page", lambda: get(8081, "/"), script)
            with Page(8081) as page:
                page.join("r", "Ada")
            script.terminate()
            self.expect_the_end(script)

    def test_a_server_that_the_demo_cannot_find(self):
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = (os.path.join(folder, name) for name in ("cert.pem", "key.pem"))
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                            "-subj", "/CN=localhost"], stderr=subprocess.DEVNULL, check=True)
            for why, options in (("http.port = 0", ["--set", "http.port=0"]),
                                 ("http.tls-certificate", ["--set", "http.tls-certificate=" + certificate,
                                                           "--set", "http.tls-key=" + key])):
                with self.subTest(why):
                    script = self.run_script(*options)
                    lines = []
                    while " ready " not in (lines or [""])[-1]:
                        lines.append(script.stdout.readline())
                        self.assertTrue(lines[-1], lines)
                    self.assertIn("No demo is started: " + why, "".join(lines))
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
    # Whoever runs this may ignore them, as nohup does; a shell cannot trap what is ignored when it begins.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    raise_loopback()
    unittest.main(verbosity=2)
