#!/usr/bin/env bash
# run.sh [SECONDS]: builds the libFuzzer targets with clang into build-fuzz/ and runs all of them at once for so long
# (30; 0: only builds them), each beginning with its corpus in the tree. What they find in addition stays in build-fuzz/, and so
# does an input that fails, whose name is shown.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-30}
build=$root/build-fuzz
mkdir -p "$build"
cd "$build"

flags=(-std=c++20 -O1 -g -fsanitize="fuzzer-no-link,address,undefined" -fno-sanitize-recover=undefined
    -I"$root/src" -I"$root/tests")
gst=(gstreamer-1.0 gstreamer-webrtc-1.0 gstreamer-webrtc-nice-1.0 nice)
read -ra cflags < <(pkg-config --cflags "${gst[@]}")
read -ra libs < <(pkg-config --libs "${gst[@]}" libcrypto)
compile() {
    local source=$1 object=$2
    local used=("$source" "$root/src/ice" "$root/src/base" "$root/tests/ice" "$root/tests/fuzz")
    if [ ! -e "$object" ] || [ -n "$(find "${used[@]}" -name '*.[hc]*' -newer "$object")" ]; then
        "${launcher[@]}" clang++ "${flags[@]}" "${cflags[@]}" -c "$source" -o "$object"
    fi
}
launcher=()
if command -v ccache > /dev/null; then launcher=(ccache); fi

# All that is tested is compiled as one, beside each target in turn.
printf '#include "%s"\n' "$root"/src/{ice/*,base/json,base/log}.cpp "$root"/tests/ice/{ice_client,stun_text}.cpp > tested.cpp.new
if cmp -s tested.cpp.new tested.cpp; then rm tested.cpp.new; else mv tested.cpp.new tested.cpp; fi
compile tested.cpp tested.o &
tested=$!
targets=(stun frames network)
for target in "${targets[@]}"; do compile "$root/tests/fuzz/${target}_fuzzer.cpp" "$target.o"; done
wait "$tested"

for target in "${targets[@]}"; do
    clang++ -fsanitize=fuzzer,address,undefined "$target.o" tested.o -o "$target" "${libs[@]}" -lpthread
done

[ "$seconds" -gt 0 ] || exit 0
pids=()
for target in "${targets[@]}"; do
    mkdir -p "found-$target"
    "./$target" -max_total_time="$seconds" -max_len=2048 -timeout=25 -artifact_prefix="failed-$target-" -print_final_stats=1 \
        "found-$target" "$root/tests/fuzz/corpus/$target" > "$target.log" 2>&1 &
    pids+=($!)
done
status=0
for i in "${!targets[@]}"; do
    if wait "${pids[$i]}"; then
        grep -E 'number_of_executed_units|^Done' "${targets[$i]}.log" | sed "s/^/${targets[$i]}: /"
    else
        status=1
        tail -n 40 "${targets[$i]}.log"
    fi
done
exit $status
