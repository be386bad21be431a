"""The real server, on free ports of loopback."""
import os
import re
import select
import subprocess

PATIENCE_S = 20  # The watchdog of every wait.


class RealServer:
    """A context manager that also checks its end."""
    program = None  # Set by run.py.

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.program, *self.options, "--set", "http.port=0", "--set", "ice.addresses=127.0.0.1"],
            stderr=subprocess.PIPE)
        log = b""
        while not (ready := re.search(rb'\bready\b.*http_port"?[=:]"?(\d+).*\n', log)):  # A line for people, or JSON.
            assert select.select([self.process.stderr], [], [], PATIENCE_S)[0], "the server never became ready"
            got = os.read(self.process.stderr.fileno(), 1 << 16)
            assert got, f"the server ended before it was ready\n{log.decode()}"
            log += got
        self.port = int(ready[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        log = self.process.communicate(timeout=PATIENCE_S)[1].decode()
        assert self.process.returncode == 0, f"exit status {self.process.returncode}\n{log}"
