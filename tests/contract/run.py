#!/usr/bin/python3
"""run.py CONTRACT_SERVER OPENAPI_YAML: every *_test.py here, then whether they left a documented response out."""
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
    suite = loader.discover(str(pathlib.Path(__file__).parent), "*_test.py")
    suite.addTests(loader.loadTestsFromTestCase(LastlyTheWhole))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
