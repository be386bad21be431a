#!/usr/bin/env python3
"""tidy.py BUILD: clang-tidy on the server, the demo and the load tester; again only on what was compiled since it was last found clean.

BUILD is best a unity build: each check looks at all that is included, here once for several files.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = ("src", "demo", "bench")
build = pathlib.Path(sys.argv[1]).resolve()
stamps = build / "tidy"
stamps.mkdir(exist_ok=True)


def is_clean(command):
    """Whether clang-tidy finds nothing; the stamp remembers it. Ninja knows what an object was made of, so its age decides."""
    stamp = stamps / command["output"].replace("/", "!")
    inputs = (build / command["output"], ROOT / ".clang-tidy")
    if stamp.exists() and all(path.exists() and path.stat().st_mtime <= stamp.stat().st_mtime for path in inputs):
        return True
    # A unity source includes others.
    found = subprocess.run(["clang-tidy", "-p", build, "--quiet", "--checks=-bugprone-suspicious-include",
                            build / command["file"]],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    if found.returncode == 0:
        stamp.touch()
    else:
        print(found.stdout or found.stderr, flush=True)
    return found.returncode == 0


def is_ours(command):
    """What is neither a test nor made by a program, unless it is a unity source."""
    source = (build / command["file"]).resolve()
    return (command["output"].split("/")[0] in OURS and source.suffix == ".cpp"
            and ("-unity" in source.name or build not in source.parents))


ours = [command for command in json.loads((build / "compile_commands.json").read_text()) if is_ours(command)]
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    sys.exit(not all(list(pool.map(is_clean, ours))))
