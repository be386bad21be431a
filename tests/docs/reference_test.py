"""docs/operations.md has every key of the configuration, as the server prints it."""
import pathlib
import re
import subprocess
import unittest

from real_server import PATIENCE_S, RealServer

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/operations.md"


def without_this_machine(text):
    """The two values that a machine decides."""
    text = re.sub(r"(Unit: connections\. Default: |^connections = )\d+", r"\1N", text, flags=re.MULTILINE)
    return re.sub(r"(Default: |^pipelines = )/\S*/pipelines\b", r"\1FOLDER", text, flags=re.MULTILINE)


class Reference(unittest.TestCase):
    maxDiff = None

    def test_every_key(self):
        printed = subprocess.run([RealServer.program, "--config", "/dev/null", "--print-config"], stdout=subprocess.PIPE,
                                 encoding="utf-8", timeout=PATIENCE_S, check=True).stdout
        self.assertGreater(printed.count(" = "), 15)
        written = DOCUMENT.read_text(encoding="utf-8").split("## Every key", 1)[1]
        written = re.search(r"^```ini\n(.*?)^```", written, re.MULTILINE | re.DOTALL)[1]
        self.assertEqual(without_this_machine(written), without_this_machine(printed),
                         "put what `sluice --config /dev/null --print-config` prints into docs/operations.md")
