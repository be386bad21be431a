"""The servers that are compared, each started afresh for every run, on free ports of loopback."""
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
PATIENCE_S = 20  # For a server to be ready, and to end.


class Server:
    """A context manager. `name` is for tables, `api` what sfuload calls it; `url` and `pid` hold while it runs."""
    name = api = url = pid = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="bench-")
        try:
            self.process = self.start()
            self.pid = self.process.pid
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        process = getattr(self, "process", None)
        if process:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder)

    def log(self):
        return pathlib.Path(self.folder, "log").read_text(encoding="utf-8", errors="replace")

    def spawn(self, command, environment=None):
        with open(os.path.join(self.folder, "log"), "wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})

    def wait_until_ready(self):
        end = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not start:\n{self.log()}")
            select.select([], [], [], 0.05)


class Sluice(Server):
    name = "sluice"
    api = "sluice"

    def __init__(self, program, settings=()):
        self.program, self.settings = program, settings

    def start(self):
        settings = ("http.port=0", "ice.addresses=127.0.0.1", "limits.users-per-room=10000",
                    f"paths.pipelines={ROOT}/pipelines", *self.settings)
        options = [option for setting in settings for option in ("--set", setting)]
        return self.spawn([self.program, *options])

    def is_ready(self):
        ready = re.search(r" ready .*http_port=(\d+)", self.log())
        if ready:
            self.url = f"http://127.0.0.1:{ready[1]}"
        return bool(ready)


class Janus(Server):
    """Debian's package with bench/janus; `event_loops`: threads for all media, instead of one for each connection."""
    api = "janus"

    def __init__(self, preload, event_loops=0):
        self.preload, self.event_loops = preload, event_loops
        self.name = f"Janus, {event_loops} event loops" if event_loops else "Janus, as packaged"

    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/janus"
        values = {"folder": self.folder, "port": port, "multiarch": sysconfig.get_config_var("MULTIARCH"),
                  "event_loops": f"event_loops = {self.event_loops}" if self.event_loops else ""}
        for file in (ROOT / "bench/janus").glob("*.jcfg"):
            text = re.sub(r"@(\w+)@", lambda hole: str(values[hole[1]]), file.read_text(encoding="utf-8"))
            pathlib.Path(self.folder, file.name).write_text(text, encoding="utf-8")
        return self.spawn(["janus", "-F", self.folder, "-C", os.path.join(self.folder, "janus.jcfg")],
                          {"LD_PRELOAD": str(self.preload)})

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/info", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False
