"""The commands of the documents do what the documents say. docs/api/README.md has its test among the contract's."""
import json
import os
import pathlib
import re
import subprocess
import unittest

from real_server import PATIENCE_S, RealServer

ROOT = pathlib.Path(__file__).parents[2]


def blocks(document):
    """(command, the JSON it prints or "") of every ```sh block."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```\n(?:```json\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL)


def run(command, **environment):
    path = os.path.dirname(RealServer.program) + ":/usr/bin:/bin"
    return subprocess.run(["bash", "-ec", command.replace("curl ", "curl -sS --fail-with-body ")], cwd=ROOT,
                          env={"PATH": path, **environment}, stdout=subprocess.PIPE, timeout=PATIENCE_S, check=True).stdout


class Commands(unittest.TestCase):
    def test_readme(self):
        with RealServer() as server:
            for command, expected in blocks("README.md"):
                with self.subTest(command):
                    printed = run(command, SLUICE=f"http://127.0.0.1:{server.port}")
                    if expected:
                        got = re.sub(r'"v=0[^"]*"', '"..."', json.dumps(json.loads(printed), sort_keys=True))
                        self.assertEqual(got, json.dumps(json.loads(expected), sort_keys=True))
