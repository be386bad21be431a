#!/usr/bin/env bash
# Installs what is missing, builds, and runs the server (REST on 127.0.0.1:8080) and the demo (http://127.0.0.1:8081).
#   scripts/run.sh [--no-demo] [server options]        Ctrl-C, SIGTERM or the end of the terminal ends both.
# SLUICE_BUILD names another build folder than build-run/ (the tests', which is built already).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${SLUICE_BUILD:-$root/build-run}

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

if [ "$demo" = yes ]; then
    # What of the server's configuration its backend must know. Where there is none, the server itself says why.
    config=$("${server_command[@]}" --print-config 2>/dev/null) || true
    http() { awk -v key="$1" '/^\[/ { group = $1 } group == "[http]" && $1 == key { sub(/^[^=]*= ?/, ""); print }' <<< "$config"; }
    case $(http address) in
    0.0.0.0) host=127.0.0.1 ;;
    ::) host='[::1]' ;;
    *:*) host="[$(http address)]" ;;
    *) host=$(http address) ;;
    esac
    demo_command=("$build/demo/sluice-demo" --sluice "http://$host:$(http port)")
    if [ -n "$(http tokens)" ]; then demo_command+=(--token "$(http tokens)"); fi
    no_demo() { demo=no && echo "No demo is started: $1. demo/README.md has its options." >&2; }
    if [ -z "$(http port)" ]; then demo=no; fi
    if [ "$(http port)" = 0 ]; then no_demo "http.port = 0 is a port that only the log tells"; fi
    if [ -n "$(http tls-certificate)" ]; then no_demo "http.tls-certificate is for a name that this script does not know"; fi
fi

# Each part in a process group of its own: Ctrl-C reaches this script alone, which ends every part by one signal.
# (A second one, from an impatient user, ends the server at once.)
early=no
trap 'early=yes' INT TERM HUP
set -m
"${server_command[@]}" &
server=$!
parts=("$server")
if [ "$demo" = yes ]; then
    "${demo_command[@]}" &
    parts+=("$!")
fi
signalled=no
end_parts() {
    signalled=yes
    kill -TERM "${parts[@]}" 2>/dev/null || true
}
trap end_parts INT TERM HUP
[ "$early" = no ] || [ "$signalled" = yes ] || end_parts

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
