#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test: lint, the meson suites, the same under sanitizers, browsers.
# Ends with "N passed, N failed"; the exit status is 0 only if nothing failed. docs/testing.md says how to run a part.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

passed=0
failed=0
begin=$SECONDS

title() { printf '\n== %s (after %d s)\n' "$1" $((SECONDS - begin)); }

finish() {
    printf '\n%d s\n%d passed, %d failed\n' $((SECONDS - begin)) "$passed" "$failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# A stage that is one test, as the compiler and the linters are.
check() {
    title "$1"
    shift
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); return 1; fi
}

# count STATUS PASSED FAILED: a stage of many tests. One that names no failure, but ends badly or without a test that passed, has
# failed once: a runner that was killed, or is too old, says nothing.
count() {
    local good=${2:-0} bad=${3:-0}
    passed=$((passed + good))
    failed=$((failed + bad))
    if [ "$bad" -eq 0 ] && { [ "$1" -ne 0 ] || [ "$good" -eq 0 ]; }; then failed=$((failed + 1)); fi
}

# meson_suites BUILD [options]: builds what these suites need and runs them; every case of every suite counts.
meson_suites() {
    local build=$1 status=0 good bad results=$1/meson-logs/testlog.junit.xml
    shift
    rm -f "$results"
    meson test -C "$build" --print-errorlogs "$@" || status=$?
    read -r good bad < <(python3 - "$results" <<'PY'
import os
import sys
import xml.etree.ElementTree as xml
try:
    cases = list(xml.parse(sys.argv[1]).iter("testcase")) if os.path.exists(sys.argv[1]) else []
except xml.ParseError as error:  # What a test that was killed has written may be anything.
    print(f"{sys.argv[1]}: {error}", file=sys.stderr)
    cases = []
bad = 0
for case in cases:
    outcomes = case.findall("failure") + case.findall("error")
    bad += bool(outcomes)
    for outcome in outcomes:  # meson prints the end of what a test has written, which may say something else.
        print("failed:", case.get("name"), outcome.text or outcome.get("message"), sep="\n", file=sys.stderr)
print(len(cases) - bad, bad)
PY
    )
    count "$status" "$good" "$bad"
}

# programs BUILD SUITE...: those that the tests of these suites run, as ninja knows them.
programs() {
    local build=$1
    shift
    meson introspect "$build" --tests | python3 -c '
import json
import os
import sys
build, suites = os.path.abspath(sys.argv[1]) + "/", {"sluice:" + suite for suite in sys.argv[2:]}
words = {word.removeprefix(build) for test in json.load(sys.stdin) if suites & set(test["suite"]) for word in test["cmd"]}
print(*(word for word in words if word.startswith("tests/")))' "$build" "$@"
}

# browsers [node options]: with the server options of $SLUICE_OPTIONS.
browsers() {
    local tap=build-test/e2e.tap status=0
    rm -f "$tap"
    SLUICE_BINARY="$root/build-test/src/app/sluice" node --test "$@" \
        --test-reporter=spec --test-reporter-destination=stdout --test-reporter=tap --test-reporter-destination="$tap" \
        tests/e2e/*.test.mjs || status=$?
    count "$status" "$(awk '/^# pass /{print $3}' "$tap")" "$(awk '/^# fail /{print $3}' "$tap")"
}

configure() {
    local folder=$1
    shift
    [ -f "$folder/build.ninja" ] || meson setup "$folder" --werror "$@"
}

# At -O1 the server compiles in half the time, and these tests do not measure it. -g1 is enough for backtraces.
build() { configure build-test -Doptimization=1 -Dcpp_args=-g1 && ninja -C build-test src/app/sluice demo/sluice-demo; }

# What needs nothing but a processor has those that the tests below leave idle: they mostly wait.
suites=(unit peer component contract)
# clang at -O0 compiles in five eighths of the time of GCC at -Og, and what it makes takes a seventh longer. Null faults by
# itself, and the fuzzers check alignment.
sanitizers() {
    CXX=clang++ configure build-asan -Doptimization=0 "-Dcpp_args=['-g1', '-fno-sanitize=null,alignment']" \
        -Db_sanitize=address,undefined -Db_lundef=false &&
        read -ra sanitized < <(programs build-asan "${suites[@]}") &&
        ninja -C build-asan "${sanitized[@]}"
}
tidy() { scripts/lint.sh tidy; }
fuzzers() { tests/fuzz/run.sh 0; }
behind=(sanitizers fuzzers tidy)
# behind_them NAME: the next of them, once it has ended.
behind_them() {
    read -r _ <&"$ended" || true  # Where nobody is at work any more there is no status, which is a failure.
    check "$1" shown "$1" || true
}
shown() { cat "build-test/$1.log"; return "$(cat "build-test/$1.status")"; }
fuzzed() { wait "$fuzz"; local status=$?; cat build-fuzz/fuzz.log; return $status; }

# Each waits for what it started, so that the next start of this script finds nobody at work.
end_in_order() { trap 'wait; exit 143' TERM; }

everything() {
    end_in_order
    # Of each build only what its tests need is made. Every test runs once: under sanitizers, unless it starts the server or
    # measures what sanitizers change (suite "plain").
    check "build" build || { finish; exit 1; }
    for part in format shell layers; do check "lint: $part" scripts/lint.sh "$part" || true; done

    rm -f build-test/*.status
    exec {ended}< <(
        end_in_order
        chrt --idle --pid 0 "$BASHPID"
        for each in "${behind[@]}"; do
            status=0
            "$each" > "build-test/$each.log" 2>&1 || status=$?
            echo "$status" > "build-test/$each.status"
            echo "$each"
        done
    )

    title "tests of the server"
    meson_suites build-test --suite app --suite demo --suite docs --suite bench --suite plain
    title "browsers"
    browsers
    title "browsers, with libnice's agent"
    SLUICE_OPTIONS="--set ice.agent=full" browsers --test-name-pattern='both see|ICE restart|stats agree'
    behind_them sanitizers
    behind_them fuzzers

    title "tests with sanitizers, and the fuzzers where they leave a core idle"
    chrt --idle 0 tests/fuzz/run.sh 180 > build-fuzz/fuzz.log 2>&1 &
    fuzz=$!
    # More at a time than there are cores, since half of their time they wait.
    meson_suites build-asan "${suites[@]/#/--suite=}" --num-processes $(($(nproc) * 3 / 2))
    behind_them tidy
    check "fuzz" fuzzed || true
    finish
}

scripts/install-packages.sh build run test
if [ ! tests/e2e/node_modules/.package-lock.json -nt tests/e2e/package-lock.json ]; then
    (cd tests/e2e && npm ci --no-audit --no-fund)
fi

# A process group of its own, so that this script hears of a signal at once, and whatever ends it ends all that it started.
end_all() {
    # Once is not enough: what a shell is just beginning, between fork and exec, does not hear it.
    while kill -TERM -- "-${!-}" 2> /dev/null && [ -n "$(jobs -r)" ]; do sleep 0.5; done
    kill -KILL -- "-${!-}" 2> /dev/null || true
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
set -m
everything < /dev/null &
wait "$!"
