#!/usr/bin/python3
"""test_script_test.py: scripts/test.sh in a folder where everything that it runs is a stand-in."""
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import textwrap
import unittest

PATIENCE_S = 30  # The watchdog of every wait.
ROOT = pathlib.Path(__file__).parents[2]

# Each passes at once. NODE, HANGING (a folder of ninja, or "meson"), and KILLING (a folder of ninja: whoever runs it is killed) have
# them do otherwise.
STAND_INS = {
    "meson": """
        case $1 in
        setup) mkdir -p "$2" && touch "$2/build.ninja" ;;
        introspect) echo '[]' ;;
        test) hang meson && mkdir -p "$3/meson-logs" && echo '<a><testcase/></a>' > "$3/meson-logs/testlog.junit.xml" ;;
        esac""",
    "ninja": '[ "${KILLING:-}" != "$2" ] || kill -KILL $PPID; hang "$2"',
    "chrt": '[ "$2" = --pid ] || exec "${@:3}"',
    "node": """
        tap=$(printf '%s\\n' "$@" | sed -n 's/.*destination=\\(.*tap\\)/\\1/p')
        case ${NODE:-passes} in
        passes) printf '# pass 3\\n# fail 0\\n' > "$tap" ;;
        fails) printf '# pass 2\\n# fail 1\\n' > "$tap"; exit 1 ;;
        killed) kill -KILL $$ ;;
        silent) : > "$tap" ;;
        esac""",
    "scripts/install-packages.sh": "",
    "scripts/lint.sh": "",
    "tests/fuzz/run.sh": "mkdir -p build-fuzz",
}
# Whether it hangs is told by the pipe that all of them inherit: a byte now, its end when the last of them has ended.
HANG = """\
#!/bin/bash
hang() { if [ "${HANGING:-}" = "$1" ]; then echo >&"$ALIVE"; (sleep 1000) & sleep 1000; fi; }
"""


class TestScript(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name, body in STAND_INS.items():
            path = self.folder / (name if "/" in name else "bin/" + name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(HANG + textwrap.dedent(body) + "\n", encoding="utf-8")
            path.chmod(0o755)
        shutil.copy(ROOT / "scripts/test.sh", self.folder / "scripts")
        modules = self.folder / "tests/e2e/node_modules"
        modules.mkdir(parents=True)
        (modules.parent / "package-lock.json").touch()
        (modules / ".package-lock.json").touch()
        os.utime(modules.parent / "package-lock.json", (0, 0))

    def start(self, **environment):
        self.alive, ours = os.pipe()
        self.addCleanup(os.close, self.alive)
        script = subprocess.Popen([self.folder / "scripts/test.sh"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  encoding="utf-8", start_new_session=True, pass_fds=[ours],
                                  env={**os.environ, "PATH": f"{self.folder}/bin:/usr/bin:/bin", "ALIVE": str(ours), **environment})
        os.close(ours)
        self.addCleanup(lambda: script.poll() is None and script.kill())
        return script

    def run_it(self, **environment):
        """Its exit status and last line."""
        script = self.start(**environment)
        output = script.communicate(timeout=PATIENCE_S)[0]
        return script.returncode, output.splitlines()[-1]

    def hears(self, what):
        """The next byte of those that hang; nothing once all have ended."""
        self.assertTrue(select.select([self.alive], [], [], PATIENCE_S)[0], f"{what} never came")
        return os.read(self.alive, 1)

    def test_all_passes(self):
        self.assertEqual(self.run_it(), (0, "16 passed, 0 failed"))

    def test_a_failure(self):
        self.assertEqual(self.run_it(NODE="fails"), (1, "14 passed, 2 failed"))

    def test_browser_tests_that_never_ran(self):
        for why in ("killed", "silent"):
            with self.subTest(why):
                self.assertEqual(self.run_it(NODE=why), (1, "10 passed, 2 failed"))

    def test_whoever_works_behind_the_tests_is_killed(self):
        # The three, and the fuzzers, which are not there to be run.
        self.assertEqual(self.run_it(KILLING="build-asan"), (1, "12 passed, 4 failed"))

    def test_a_signal_ends_all_that_was_started(self):
        """In the foreground, and behind it."""
        for hanging in ("build-test", "build-asan", "meson"):
            # A terminal's signals go to the whole group.
            for number, send, status in ((signal.SIGINT, os.killpg, 130), (signal.SIGTERM, os.kill, 143),
                                         (signal.SIGHUP, os.killpg, 143)):
                with self.subTest(hanging=hanging, signal=number.name):
                    script = self.start(HANGING=hanging)
                    self.assertEqual(self.hears("the one that hangs"), b"\n")
                    send(script.pid, number)
                    self.assertEqual(self.hears("the end of all"), b"")
                    script.communicate(timeout=PATIENCE_S)
                    self.assertEqual(script.returncode, status)


if __name__ == "__main__":
    # Whoever runs this may ignore them, as nohup does; a shell cannot trap what is ignored when it begins.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    unittest.main(verbosity=2)
