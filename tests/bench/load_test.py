#!/usr/bin/python3
"""load_test.py SFULOAD SLUICE: the load tester against the built server, and bench/'s tables and plots."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import build  # noqa: E402
import results  # noqa: E402
import servers  # noqa: E402

PATIENCE_S = 90
SFULOAD = SLUICE = None


def program(name):
    """One of bench/, as a module."""
    module = types.ModuleType(name)
    path = ROOT / "bench" / name
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module.__dict__)
    return module


def sfuload(*options):
    return subprocess.run([SFULOAD, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                          timeout=PATIENCE_S, check=False)


class Load(unittest.TestCase):
    def measured(self, server, scenario, *options):
        ended = sfuload(scenario, "--url", server.url, "--settle", 0, "--json", "-", *options)
        warnings = "\n".join(re.findall(r"^\S+ (?:warning|error) .*", server.log(), re.MULTILINE))
        self.assertEqual(ended.returncode, 0, f"{ended.stderr}\nThe server:\n{warnings}")
        return json.loads(ended.stdout)

    def assert_whole(self, report, consumers):
        self.assertEqual(report["consumers"], {"wanted": consumers, "connected": consumers, "with_media": consumers,
                                               "failed": 0, "failures": {}})
        self.assertGreater(report["loss"]["expected"], 0)
        self.assertEqual(report["loss"]["received"], report["loss"]["expected"])
        self.assertEqual((report["checks"]["damaged"], report["checks"]["not_authentic"]), (0, 0))
        self.assertEqual(report["setup_ms"]["first_key_frame"]["count"], consumers)

    def test_fanout(self):
        with servers.Sluice(SLUICE) as server:
            report = self.measured(server, "fanout", "--consumers", 2, "--duration", 3, "--kbps", 300,
                                   "--server-pid", server.pid)
            self.assert_whole(report, 2)
            # 50 packets of sound and 60 of 300 kbit/s of picture, for each of two.
            self.assertGreater(report["forwarded"]["packets_per_s"], 180)
            self.assertGreater(report["checks"]["packets_in_full"], 300)
            self.assertGreater(report["server"]["cpu_us_per_packet"], 0)
            self.assertEqual(report["calls_ms"]["consume"]["count"], 2)

    def test_fanout_to_those_who_wait(self):
        with servers.Sluice(SLUICE) as server:
            report = self.measured(server, "fanout", "--consumers", 3, "--producers", 2, "--consumers-first", "--duration", 1,
                                   "--kbps", 300)
            self.assert_whole(report, 6)
            self.assertEqual({call: report["calls_ms"][call]["count"] for call in ("join", "produce", "consume")},
                             {"join": 5, "produce": 2, "consume": 6})

    def test_rooms(self):
        with servers.Sluice(SLUICE) as server:
            self.assert_whole(self.measured(server, "rooms", "--rooms", 1, "--users", 3, "--duration", 1, "--no-video",
                                            "--check-every", 1) | {"setup_ms": {"first_key_frame": {"count": 6}}}, 6)

    def test_churn(self):
        with servers.Sluice(SLUICE) as server:
            report = self.measured(server, "churn", "--consumers", 1, "--churn-rate", 4, "--hold", 1, "--duration", 2)
            self.assert_whole(report, 1)
            self.assertEqual((report["churn"]["joins"], report["churn"]["with_media"]), (4, 4))

    def test_a_thousand_watch_one(self):
        with servers.Sluice(SLUICE) as server:
            report = self.measured(server, "fanout", "--consumers", 1000, "--join-rate", 100, "--duration", 2, "--no-audio",
                                   "--kbps", 80, "--fps", 10, "--setup-limit", 40, "--server-pid", server.pid)
            self.assert_whole(report, 1000)
            self.assertLess(report["server"]["threads_per_consumer"], 3.1)
            self.assertLess(report["server"]["descriptors_per_consumer"], 1.1)

    def test_what_the_server_refuses_is_told(self):
        with servers.Sluice(SLUICE, ["limits.users-per-room=2"]) as server:
            ended = sfuload("fanout", "--url", server.url, "--consumers", 2, "--duration", 1, "--settle", 0, "--json", "-")
            self.assertEqual(ended.returncode, 3)
            failures = json.loads(ended.stdout)["consumers"]["failures"]
            self.assertEqual(len(failures), 1)
            self.assertIn("limits.users-per-room (2) is reached", next(iter(failures)))

    def test_an_interrupted_load_leaves_nobody_behind(self):
        with servers.Sluice(SLUICE) as server:
            load = subprocess.Popen([SFULOAD, "fanout", "--url", server.url, "--duration", "600"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
            for line in load.stderr:
                if line.startswith("1 of 600 s"):
                    break
            load.send_signal(signal.SIGINT)
            load.communicate(timeout=PATIENCE_S)
            self.assertEqual(load.returncode, 0)
            self.assertIn("room deleted", server.log())

    def test_the_document(self):
        text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
        commands = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        self.assertTrue(commands)
        with servers.Sluice(SLUICE) as server:
            for command in commands:
                subprocess.run(["bash", "-ec", command.replace("http://127.0.0.1:8080", server.url)], check=True,
                               env={"PATH": os.path.dirname(SFULOAD) + ":/usr/bin:/bin"}, timeout=PATIENCE_S,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_wrong_usage(self):
        for options, said in ((["fanout", "--consumers", "0"], "--consumers takes 1 to 10000, not 0"),
                              (["flood"], "the scenario is fanout, rooms or churn, not flood"),
                              (["fanout", "--api", "rtmp"], "--api takes sluice or janus, not rtmp"),
                              (["fanout", "--url", "http://192.0.2.1"], "is elsewhere: name this machine's address"),
                              (["fanout", "--token", "/nowhere"], "/nowhere")):
            with self.subTest(options):
                ended = sfuload(*options)
                self.assertEqual(ended.returncode, 2)
                self.assertIn(said, ended.stderr)

    def test_a_token_is_sent(self):
        with tempfile.NamedTemporaryFile("w") as tokens:
            tokens.write("sesame\n")
            tokens.flush()
            with servers.Sluice(SLUICE, ["http.tokens=" + tokens.name]) as server:
                self.assert_whole(self.measured(server, "fanout", "--consumers", 1, "--duration", 1, "--token", tokens.name), 1)
                self.assertEqual(sfuload("fanout", "--url", server.url, "--duration", 1).returncode, 1)


def report(server, point, us, p99=1.0, received=100, others=0):
    spread = {"p50": 0.5, "p95": 1.5, "p99": p99, "max": 9.0}
    return {"server_name": server, "point": point, "date": "2026-01-02T03:04:05Z",
            "consumers": {"failed": 0}, "loss": {"expected": 100, "received": received, "percent": 100 - received},
            "delay_ms": spread, "setup_ms": {"answer_to_first_packet": spread, "first_packet": spread}, "calls_ms": {"produce": spread},
            "forwarded": {"packets_per_s": 1000, "seconds": 12}, "machine": {"others_cpu_percent": others},
            "server": {"cpu_us_per_packet": us, "cpu_percent": us / 10, "rss_kb_per_consumer": 100,
                       "threads_per_consumer": 4, "descriptors_per_consumer": 0}}


class Results(unittest.TestCase):
    def test_tables_and_plots(self):
        runs = [report("sluice", ["fanout", 100, 0], us) for us in (9, 8, 30)]
        runs += [report("Janus", ["fanout", 100, 0], us, others=20) for us in (18, 17, 20)]
        runs += [report("Janus", ["fanout", 10, 0], 40), report("Janus", ["rooms", 5, 5], 40, received=99)]
        runs += [report("Janus", ["waiting", 50, 0], 40)]
        with tempfile.TemporaryDirectory() as folder:
            results.write(folder, runs, {"sluice": {"held": 100, "not_held": None}}, ["sluice", "Janus"],
                          "bench/run --rounds 3", [("Janus", ["fanout", 200, 0])])
            text = pathlib.Path(folder, "results.md").read_text(encoding="utf-8")
            for file in ("cpu.svg", "delay.svg", "memory.svg", "set-up.svg"):
                self.assertEqual(xml.parse(os.path.join(folder, file)).getroot().tag, "{http://www.w3.org/2000/svg}svg")
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        self.assertIn("| 1 x 100 | sluice | 9.00 |", text)  # The median.
        self.assertTrue(rows[2].startswith("| 1 x 10 | Janus | 40.00 |"), rows)  # In the order of size.
        self.assertIn("| 1 x 100 | 0.50 | 1.00 | 1.00 |", text)  # Ratios of the medians.
        self.assertIn("| 1 x 10 | - | - | - |", text)
        self.assertIn("| 50 wait for 1 | Janus | 40.00 |", text)
        self.assertIn("In 3 of them other", text)
        self.assertIn("0 of 1", text)  # Loss is not held.
        self.assertIn("| sluice | 100 | not found |", text)
        self.assertIn("Written by `bench/run --rounds 3` on 2026-01-02;", text)
        self.assertIn("Runs that failed: Janus, 1 x 200.", text)

    def test_what_counts_as_held(self):
        for changed, held in (({}, True), ({"p99": 50}, False), ({"received": 99}, False)):
            self.assertEqual(results.held(report("sluice", ["fanout", 1, 0], 9, **changed)), held, changed)


class Comparison(unittest.TestCase):
    """bench/run with runs that are made up."""

    def bench(self, held, fails=(), fanout=()):
        bench = program("run").Bench(types.SimpleNamespace(set=[], fanout=fanout, waiting=[], rooms=[], rounds=1))
        bench.servers = [types.SimpleNamespace(name="sluice")]
        bench.asked = []

        def made_up(server, point):
            bench.asked.append(point[1])
            if point[1] in fails:
                raise RuntimeError("the server has gone")
            return report(server.name, list(point), 9, p99=1 if point[1] <= held else 99)

        bench.report = made_up
        return bench

    def test_the_most_that_a_server_holds_is_found(self):
        for held in (1, 2, 10, 19, 57, 300, 400, 2000):
            with self.subTest(held):
                bench = self.bench(held, fanout=(1, 400))
                bench.ladder()
                found = bench.most_held()["sluice"]
                self.assertTrue(found["held"] <= held < found["not_held"], found)
                self.assertLessEqual(found["not_held"], max(found["held"] + 1, found["held"] * 1.05), found)

    def test_a_run_that_fails_costs_no_other_one(self):
        bench = self.bench(held=300, fails=(100, 225), fanout=(50, 100, 150))
        bench.ladder()
        self.assertEqual(bench.asked, [50, 100, 150])
        self.assertEqual([r["point"][1] for r in bench.runs], [50, 150])
        self.assertEqual(bench.failed, [("sluice", ["fanout", 100, 0])])
        self.assertEqual(bench.most_held(), {"sluice": {"held": 215, "not_held": 225}})
        bench = self.bench(held=300, fails=range(150, 400), fanout=(100, 200))
        bench.ladder()
        found = bench.most_held()["sluice"]
        self.assertTrue(found["held"] < 150 <= found["not_held"], found)


class Recordings(unittest.TestCase):
    def test_a_run_that_does_not_begin_leaves_nothing_behind(self):
        recordings = program("recordings")
        build.FOLDER, kept = pathlib.Path(SLUICE).parents[2], build.FOLDER
        self.addCleanup(setattr, build, "FOLDER", kept)
        run = recordings.Run(types.SimpleNamespace(producers=1), "record")
        started = []
        spawn = run.spawn

        def note_and_spawn(command):
            process = spawn(command)
            started.extend([run.server.pid, process.pid])
            return process

        def fail():
            raise RuntimeError("the producers never came")

        run.spawn, run.flowing = note_and_spawn, fail
        with self.assertRaisesRegex(RuntimeError, "never came"), run:
            pass
        self.assertEqual(len(started), 2)
        for pid in started:
            self.assertFalse(pathlib.Path(f"/proc/{pid}").exists(), f"process {pid} goes on")
        self.assertFalse(run.folder.exists())


if __name__ == "__main__":
    SFULOAD, SLUICE = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main(verbosity=2)
