"""The real server, on free ports of loopback."""
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
        assert select.select([self.process.stderr], [], [], PATIENCE_S)[0], "the server never became ready"
        greeting = self.process.stderr.readline().decode()
        self.port = int(re.search(r'\bready\b.*http_port"?[=:]"?(\d+)', greeting)[1])  # A line for people, or JSON.
        return self

    def __exit__(self, *_):
        self.process.terminate()
        log = self.process.communicate(timeout=PATIENCE_S)[1].decode()
        assert self.process.returncode == 0, f"exit status {self.process.returncode}\n{log}"
