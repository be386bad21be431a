#!/usr/bin/env bash
# What is checked without running anything: the named parts, or all of them.
#   scripts/lint.sh [format] [shell] [layers] [tidy]        tidy needs a finished build in build-asan
set -euo pipefail
cd "$(dirname "$0")/.."

format() { git ls-files -z '*.h' '*.cpp' | xargs -0 clang-format --dry-run -Werror; }
shell() { git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck; }
layers() { scripts/check-layers.py src; }
tidy() { scripts/tidy.py build-asan; }

[ $# -gt 0 ] || set -- format shell layers tidy
for part in "$@"; do "$part"; done
