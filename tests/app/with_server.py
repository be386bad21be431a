"""The built server, its log line by line, and calls of it."""
import json
import os
import re
import select
import subprocess
import unittest
import urllib.request

PATIENCE_S = 20  # The watchdog of every wait.


class WithServer(unittest.TestCase):
    """A test with the server on free ports of loopback."""
    program = None  # Set by who imports it.

    def start(self, *options, **environment):
        without = {name: value for name, value in os.environ.items() if name != "GST_DEBUG"}
        self.process = subprocess.Popen([self.program, *options, "--set", "http.port=0", "--set", "ice.addresses=127.0.0.1"],
                                        stderr=subprocess.PIPE, env=without | environment)
        self.addCleanup(self.stop)
        self.unread = b""
        self.port = int(re.search(r"http_port=(\d+)", self.line_with("ready"))[1])

    def stop(self):
        self.process.terminate()
        log = self.process.communicate(timeout=PATIENCE_S)[1].decode()
        self.assertEqual(self.process.returncode, 0, log)

    def line_with(self, *parts):
        """The next such line of the log."""
        return self.lines_until(*parts)[-1]

    def lines_until(self, *parts):
        """The lines of the log up to the next such one."""
        lines = []
        while True:
            while b"\n" in self.unread:
                line, self.unread = self.unread.split(b"\n", 1)
                lines.append(line.decode())
                if all(part in lines[-1] for part in parts):
                    return lines
            self.assertTrue(select.select([self.process.stderr], [], [], PATIENCE_S)[0], f"no line with {parts} came")
            got = os.read(self.process.stderr.fileno(), 1 << 16)
            self.assertTrue(got, f"the server ended before a line with {parts} came")
            self.unread += got

    def call(self, method, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return response.read().decode()
