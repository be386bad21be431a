#!/usr/bin/python3
"""run.py CONTRACT_SERVER OPENAPI_YAML [connections]: connection_test.py alone, or every other *_test.py here, and then whether
they left a documented response out."""
import pathlib
import subprocess
import sys
import unittest

from contract import Contract, Server


class LastlyTheWhole(unittest.TestCase):
    def test_routes_are_the_operations(self):
        printed = subprocess.run([Server.program, "--routes"], stdout=subprocess.PIPE, check=True).stdout.decode()
        described = sorted(f"{method} {pattern}" for method, pattern, _ in Server.contract.operations.values())
        self.assertEqual(sorted(printed.splitlines()), described)

    def test_every_documented_response_was_seen(self):
        self.assertEqual(sorted(Server.contract.documented() - Server.contract.seen), [])


def main():
    Server.program = sys.argv[1]
    Server.contract = Contract(sys.argv[2])
    loader = unittest.defaultTestLoader
    if sys.argv[3:] == ["connections"]:
        suite = loader.loadTestsFromName("connection_test")
    else:
        names = [path.stem for path in sorted(pathlib.Path(__file__).parent.glob("*_test.py"))]
        suite = loader.loadTestsFromNames([name for name in names if name != "connection_test"])
        suite.addTests(loader.loadTestsFromTestCase(LastlyTheWhole))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
