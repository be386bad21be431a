"""The release build that is measured, with all that measuring it takes."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build-bench"


def make():
    subprocess.run([ROOT / "scripts/install-packages.sh", "build", "run", "bench", "compare"], check=True)
    if not (FOLDER / "build.ninja").exists():
        subprocess.run(["meson", "setup", FOLDER, ROOT, "--buildtype=release", "-Dtests=false", "-Dbench=true"],
                       check=True, stdout=sys.stderr)
    subprocess.run(["ninja", "-C", FOLDER, "--quiet"], check=True, stdout=sys.stderr)
