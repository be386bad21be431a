#!/usr/bin/env bash
# Installs what is missing, builds, and runs the server (REST on 127.0.0.1:8080) and the demo (http://127.0.0.1:8081).
#   scripts/run.sh [--no-demo] [server options]        Ctrl-C or SIGTERM ends both.
# SLUICE_BUILD names another build folder than build/ (the tests', which is built already).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${SLUICE_BUILD:-$root/build}

demo=yes
options=()
for option in "$@"; do
    if [ "$option" = --no-demo ]; then demo=no; else options+=("$option"); fi
done

"$root/scripts/install-packages.sh" build run
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" "$root" -Dtests=false --buildtype=debugoptimized >&2
fi
ninja -C "$build" --quiet src/app/sluice demo/sluice-demo >&2
server_command=("$build/src/app/sluice" ${options[@]+"${options[@]}"})

# Each part in a process group of its own: Ctrl-C reaches this script alone, which ends every part by one signal.
# (A second one, from an impatient user, ends the server at once.)
set -m
"${server_command[@]}" &
server=$!
parts=("$server")
if [ "$demo" = yes ]; then
    port=$("${server_command[@]}" --print-config 2>/dev/null |
        awk '/^\[/ { group = $1 } group == "[http]" && $1 == "port" { print $3 }') || true
    "$build/demo/sluice-demo" --sluice "http://127.0.0.1:${port:-8080}" &
    parts+=("$!")
fi
signalled=no
end_parts() { kill -TERM "${parts[@]}" 2>/dev/null || true; }
trap 'signalled=yes; end_parts' INT TERM

# Whichever ends first takes the other with it. `wait` returns for a signal too; the server's exit status is ours.
wait -n "${parts[@]}" || true
[ "$signalled" = yes ] || end_parts
status=0
wait "$server" || status=$?
while kill -0 "$server" 2>/dev/null; do
    status=0
    wait "$server" || status=$?
done
wait || true
exit "$status"
