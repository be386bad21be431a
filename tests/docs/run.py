#!/usr/bin/python3
"""run.py SLUICE: every *_test.py here."""
import pathlib
import sys
import unittest

from real_server import RealServer

if __name__ == "__main__":
    RealServer.program = sys.argv[1]
    suite = unittest.defaultTestLoader.discover(str(pathlib.Path(__file__).parent), "*_test.py")
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())
