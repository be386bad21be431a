"""GET /metrics, as Prometheus reads it."""
import pathlib
import re
import unittest

from contract import Server, sdp

OPERATIONS = pathlib.Path(__file__).parents[2] / "docs/operations.md"
METRIC = re.compile(r"# HELP (\w+) [^\n]+\.\n# TYPE \1 (gauge|counter)\n\1(?:{version=\"[\d.]+\"})? (\d+)\n")


class Metrics(unittest.TestCase):
    def read(self, server):
        text = server.call("GET", "/metrics").body.decode()
        self.assertEqual(METRIC.sub("", text), "")
        return {name: (kind, int(value)) for name, kind, value in METRIC.findall(text)}

    def test_counts(self):
        server = self.enterContext(Server("--connections", "9"))
        metrics = self.read(server)
        for name in ("rooms", "users", "producers", "consumers", "connections", "open_branches"):
            self.assertEqual(metrics["sluice_" + name], ("gauge", 0))
        self.assertEqual(metrics["sluice_connections_limit"], ("gauge", 9))
        self.assertEqual(metrics["sluice_datagrams_sent_total"], ("counter", 7))
        self.assertEqual(metrics["sluice_datagrams_dropped_total"], ("counter", 3))
        server.post("/rooms/r", {"userId": "1"})
        server.post("/rooms/r/users/2")
        server.post("/rooms/r/users/1/produce", {"offer": sdp()})
        server.post("/rooms/empty")
        metrics = self.read(server)
        for name, count in {"rooms": 2, "users": 2, "producers": 1, "consumers": 1, "connections": 2}.items():
            self.assertEqual(metrics["sluice_" + name], ("gauge", count))

    def test_all_are_documented(self):
        rows = re.search(r"^## Metrics\n.*?(?=^## )", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0]
        documented = re.findall(r"`(sluice_\w+)`", rows)
        self.assertEqual(sorted(documented), sorted(self.read(self.enterContext(Server()))))
