"""The commands of the documents do what the documents say. docs/api/README.md has its test among the contract's."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from real_server import PATIENCE_S, RealServer

ROOT = pathlib.Path(__file__).parents[2]


def blocks(document):
    """(command, the JSON it prints or "") of every ```sh block."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```\n(?:```json\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL)


class Commands(unittest.TestCase):
    """Each document's commands run in order, in a folder that has what the tree has and keeps what they make."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for path in ROOT.iterdir():
            (self.folder / path.name).symlink_to(path)

    def run_command(self, command, **environment):
        path = os.path.dirname(os.path.abspath(RealServer.program)) + ":/usr/bin:/bin"
        ended = subprocess.run(["bash", "-ec", command.replace("curl ", "curl -sS --fail-with-body ")], cwd=self.folder,
                               env={"PATH": path, "HOME": str(self.folder), **environment}, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, encoding="utf-8", timeout=PATIENCE_S, check=False)
        self.assertEqual(ended.returncode, 0, f"{command}{ended.stdout}")
        return ended.stdout

    def test_readme(self):
        with RealServer() as server:
            for command, expected in blocks("README.md"):
                printed = self.run_command(command, SLUICE=f"http://127.0.0.1:{server.port}")
                if expected:
                    got = re.sub(r'"v=0[^"]*"', '"..."', json.dumps(json.loads(printed), sort_keys=True))
                    self.assertEqual(got, json.dumps(json.loads(expected), sort_keys=True))

    def test_the_readme_leaves_the_demo_alone(self):
        """Whoever tries it has two tabs in the demo's own room, which the commands would end."""
        page = (ROOT / "demo/page/app.js").read_text(encoding="utf-8")
        room = re.search(r"get\('room'\) \?\? '(\w+)'", page)[1]
        self.assertNotIn(f"rooms/{room}", (ROOT / "README.md").read_text(encoding="utf-8"))

    def test_operations(self):
        """Tokens and a certificate are made first; the calls go to a server that has them from the document's file."""
        commands = [command for command, _ in blocks("docs/operations.md")]
        calls = [command for command in commands if "curl" in command]
        for command in commands:
            if command not in calls:
                self.run_command(command)
        text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        file = self.folder / "sluice.conf"
        file.write_text(re.search(r"^```ini\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
                        .replace("/etc/sluice", str(self.folder)).replace("10.0.0.5", "127.0.0.1"))
        self.assertEqual(self.run_command(f"sluice --check --config {file}"), "ok\n")
        with RealServer("--config", str(file), "--set", "ice.port-min=0", "--set", "ice.port-max=0") as server:
            for command in calls:
                self.run_command(command.replace(":8080", f":{server.port}"))

    def test_pipelines(self):
        for command, _ in blocks("docs/pipelines.md"):
            self.run_command(command)
        text = (ROOT / "docs/pipelines.md").read_text(encoding="utf-8")
        groups = re.findall(r"^```ini\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(groups), 2)
        for group in groups:
            with self.subTest(group):
                (self.folder / "sluice.conf").write_text(group)
                self.assertEqual(self.run_command("sluice --check --config sluice.conf"), "ok\n")
