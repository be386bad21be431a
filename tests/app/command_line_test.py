#!/usr/bin/python3
"""command_line_test.py SLUICE: what the program says and how it ends."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

PATIENCE_S = 20
PROGRAM = None


def run(*options):
    return subprocess.run([PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                          timeout=PATIENCE_S, check=False, env=dict(os.environ, LC_ALL="C.UTF-8"))


class CommandLine(unittest.TestCase):
    def complains(self, *options):
        ended = run(*options)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        last = ended.stderr.splitlines()[-1]  # Log lines may stand before it.
        self.assertTrue(last.startswith("sluice: "), ended.stderr)
        return last.removeprefix("sluice: ")

    def test_help_and_version(self):
        self.assertIn("--print-config", run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^sluice \d+\.\d+\.\d+ \(GStreamer 1\.\d+\.\d+\)\n$")

    def test_templates(self):
        with tempfile.TemporaryDirectory() as folder:
            own = pathlib.Path(folder)
            (own / "mine.launch").write_text("# out: nothing; at all\n# example: a=1\n# default: b=2\n[audio opus]\nfakesink name=audio ts-offset=${a} "
                                             "max-lateness=${b}\n[video VP8]\nfakesink name=video\n")
            (own / "none.launch").write_text("nosuchelement\n")
            (own / "record-webm.launch").write_text("fakesink\n")
            printed = run("templates", "--set", "paths.pipelines=" + folder).stdout
        lines = {line.split()[0]: line for line in printed.splitlines()}
        self.assertRegex(lines["mine.launch"], rf"  audio opus, video VP8  +nothing  +a, b  +{folder}/mine.launch +yes$")
        self.assertRegex(lines["none.launch"], rf"  -  +-  +-  +{folder}/none.launch +no: .*nosuchelement")
        self.assertIn(f"{folder}/record-webm.launch", lines["record-webm.launch"])
        self.assertRegex(lines["record-mkv.launch"], r"video H264  +the file at \$\{location\}  +location  .*/pipelines/record-mkv.launch +yes$")
        self.assertEqual(len(lines), len(printed.splitlines()))

    def test_what_is_no_option(self):
        self.assertEqual(self.complains("serve"), '"serve" is no option and no command (--help shows all)')
        self.assertEqual(self.complains("templates", "mine"), '"mine" is no option and no command (--help shows all)')
        self.assertEqual(self.complains("--seconds", "1"), "--source, --codec and --seconds go with launch")
        self.assertEqual(self.complains("--serve"), "Unknown option --serve")

    def test_the_file_comes_before_the_settings(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("[http]\nport=1\ndeadline-s=2\n")
            file.flush()
            printed = run("--set", "http.port=3", "--config", file.name, "--print-config").stdout
        self.assertIn("\nport = 3\n", printed)
        self.assertIn("\ndeadline-s = 2\n", printed)

    def test_the_default_of_connections_is_what_the_agent_leaves(self):
        limited = ["prlimit", "--nofile=1000:1200", PROGRAM, "--print-config", "--set"]
        for setting, connections in (("ice.agent=lite", 500), ("ice.agent=full", 166), ("limits.connections=7", 7)):
            printed = subprocess.run([*limited, setting], stdout=subprocess.PIPE, encoding="utf-8", check=True, timeout=PATIENCE_S)
            self.assertIn(f"\nconnections = {connections}\n", printed.stdout, setting)

    def test_a_named_file_must_be_there(self):
        self.assertIn("/nowhere/sluice.conf", self.complains("--config", "/nowhere/sluice.conf"))

    @unittest.skipIf(os.path.exists("/etc/sluice/sluice.conf"), "this machine has a configuration")
    def test_the_default_file_need_not_be_there(self):
        self.assertEqual(run("--check", "--set", "ice.addresses=127.0.0.1").stdout, "ok\n")

    def test_check_finds_what_the_server_would_refuse(self):
        with tempfile.TemporaryDirectory() as empty:
            for setting, said in (
                    ("http.address=0.0.0.0", "http.address: 0.0.0.0 can be reached from outside"),
                    ("http.address=192.0.2.1", "http.address: 192.0.2.1 can be reached from outside"),
                    ("http.tokens=/nowhere", "http.tokens: /nowhere: No such file"),
                    ("http.tls-key=/nowhere", "http.tls-certificate and http.tls-key go together"),
                    ("ice.addresses=192.0.2.1", "ice.addresses: 192.0.2.1"),
                    ("ice.port-min=7", "ice.port-min (7) is greater than ice.port-max (0)"),
                    ("paths.pipelines=" + empty + "/nowhere", f"paths.pipelines: {empty}/nowhere is no folder")):
                with self.subTest(setting):
                    self.assertIn(said, self.complains("--check", "--set", setting))

    def test_check_names_a_template_that_cannot_be_built(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "track.launch").write_text("# example: codec=VP8\nnosuchelement codec=${codec}\n")
            said = self.complains("--check", "--set", "paths.pipelines=" + folder)
        self.assertIn("track.launch", said)
        self.assertIn("nosuchelement", said)

    def test_a_folder_of_ones_own_comes_first(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("--check", "--set", "paths.pipelines=" + folder).stdout, "ok\n")
            pathlib.Path(folder, "own.launch").write_text("# example: to=x\nnosuchelement name=${to}\n")
            self.assertIn("own.launch", self.complains("--check", "--set", "paths.pipelines=" + folder))

    def test_check_tries_branches(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "sluice.conf")
            pathlib.Path(folder, "own.launch").write_text(
                "# example: port=1\n[audio opus]\nidentity name=audio ! udpsink port=${port}\n")
            pathlib.Path(folder, "told.launch").write_text(
                "# example: host=x\n# sdp: told\n[audio opus]\nidentity name=audio ! udpsink host=${host}\n")
            pathlib.Path(folder, "open.launch").write_text(
                "# sdp: told\n# open: told text\n[audio opus]\nidentity name=audio ! fakesink\n")
            for lines, said in (
                    (["pipeline=none.launch"], ':2: pipeline: there is no template "none.launch" in'),
                    (["pipeline=track.launch"], ":2: pipeline: track.launch is no branch"),
                    (["pipeline=record-webm.launch"], ":2: location: is missing"),
                    (["pipeline=record-webm.launch", "location=${recordings}/${colour}.webm"],
                     ":3: location: there is no ${colour}; allowed are ${branch}, ${codec}"),
                    (["pipeline=record-webm.launch", "location=x", "bitrate=1"],
                     ':4: there is no key "bitrate" for record-webm.launch; its holes are location'),
                    (["pipeline=record-webm.launch", "location=${started}.webm", "split-after-s=60"],
                     ":3: location: a recording that is split needs ${segment} in it"),
                    (["pipeline=own.launch", "port=many"], ':2: own.launch: could not set property "port"'),
                    (["pipeline=rtp-forward.launch"], ":2: host: is missing, and rtp-forward.launch has no default"),
                    (["pipeline=told.launch"], ':2: told.launch: "# sdp: told" needs the hole audio-port'),
                    (["pipeline=open.launch"], ':2: open.launch: "# open: told": a request names no file')):
                with self.subTest(lines):
                    file.write_text("\n".join(["[branch r]", *lines, ""]))
                    said_then = self.complains("--check", "--config", str(file), "--set", "paths.pipelines=" + folder)
                    self.assertIn(f"{file}{said}", said_then)
            file.write_text("[branch r]\npipeline=own.launch\nport=7\nstart=on-produce\n")
            self.assertEqual(run("--check", "--config", str(file), "--set", "paths.pipelines=" + folder).stdout, "ok\n")

    def test_check_goes_beside_a_running_server(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assertEqual(run("--check", "--set", f"http.port={port}").stdout, "ok\n")
            self.assertIn(f"cannot listen on 127.0.0.1 port {port}", self.complains("--set", f"http.port={port}"))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
