"""The commands of docs/api/README.md do what it says."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

from contract import PATIENCE_S, Server, sdp

README = pathlib.Path(__file__).parents[2] / "docs/api/README.md"


class Reference(unittest.TestCase):
    def test_commands(self):
        text = README.read_text(encoding="utf-8")
        blocks = re.findall(r"^```sh\n(.*?)^```\n(?:```json\n(.*?)^```)?", text, re.MULTILINE | re.DOTALL)
        with Server() as server, tempfile.TemporaryDirectory() as folder:
            for name, body in (("produce", {"offer": sdp()}),
                               ("consume", {"producerUserId": "1", "answer": sdp("answer")})):
                (pathlib.Path(folder) / (name + ".json")).write_text(json.dumps(body), encoding="utf-8")
            environment = {"SLUICE": f"http://127.0.0.1:{server.port}", "TOKEN": server.token, "PATH": "/usr/bin:/bin"}
            for command, expected in blocks:
                with self.subTest(command):
                    run = subprocess.run(["bash", "-ec", command.replace("curl ", "curl -sS --fail-with-body ")],
                                         env=environment, cwd=folder, stdout=subprocess.PIPE, timeout=PATIENCE_S,
                                         check=True)
                    if expected:
                        printed = json.dumps(json.loads(expected), sort_keys=True)
                        got = re.sub(r'"v=0[^"]*"', '"..."', json.dumps(json.loads(run.stdout), sort_keys=True))
                        self.assertEqual(got, printed)

    def test_every_status_is_explained(self):
        text = README.read_text(encoding="utf-8")
        explained = {int(status) for status in re.findall(r"^\| (\d{3}) \|", text, re.MULTILINE)}
        documented = {status for _, status in Server.contract.documented()} - {200}
        self.assertEqual(explained, documented | {405})
