#!/bin/bash
# run_long.sh [MINUTES [TARGET...]] - fuzzes every target for so many minutes of CPU time.
#
# Builds for libFuzzer with the address and undefined behaviour sanitizers in build-fuzz/, and runs
# as many targets at a time as there are processors (JOBS=1: one). What was found to be of interest
# stays in build-fuzz/found/TARGET for the next time. Prints one line per target; at the first crash
# all stop, its input is named, and the exit status is 1.
#
# A crash goes to tests/corpus/TARGET under the name of the mistake, with the fix. New coverage:
#   build-fuzz/tests/fuzz/fuzz_TARGET -merge=1 tests/corpus/TARGET build-fuzz/found/TARGET
set -u

cd "$(dirname "$0")/../.." || exit 1
minutes=${1:-30}
shift $(($# > 0))
if [[ ! $minutes =~ ^[1-9][0-9]{0,4}$ ]]; then
    printf 'usage: tests/fuzz/run_long.sh [MINUTES [TARGET...]]\n' >&2
    exit 64
fi
if [ $# -eq 0 ]; then
    set -- tests/corpus/*
    set -- "${@#tests/corpus/}"
fi

build=$PWD/build-fuzz
found=$build/found
stopped=$found/stopped # there once a target has crashed
slice_s=30            # so soon the others notice
input_max=8192        # what is long is slow, and says nothing new
memory_mb=1024        # an input that needs more is a crash
input_s=10            # so is one that takes longer

export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

prepare() {
    if [ ! -f "$build/build.ninja" ]; then
        CC=clang meson setup "$build" -Dfuzz=true -Db_sanitize=address,undefined >/dev/null || exit
    fi
    ninja -C "$build" "${@/#/tests/fuzz/fuzz_}" >/dev/null || exit
    mkdir -p "$found"
    rm -f "$stopped"
}

# fuzz_slice TARGET SECONDS: goes on from the last slice; the log is the slice's.
fuzz_slice() {
    "$build/tests/fuzz/fuzz_$1" -max_total_time="$2" -timeout=$input_s -max_len=$input_max \
        -rss_limit_mb=$memory_mb -print_final_stats=1 -artifact_prefix="$found/$1." \
        "$found/$1" "tests/corpus/$1" >"$found/$1.log" 2>&1
}

# seconds_of FILE: of what `times` has said, the children's, in user and kernel mode.
seconds_of() {
    sed -n '2s/[ms]/ /gp' "$1" | awk '{ print int($1 * 60 + $2 + $3 * 60 + $4) }'
}

fuzz() {
    local target=$1 began=$SECONDS executions=0 left=$((minutes * 60)) spent=0 coverage
    mkdir -p "$found/$target"
    while [ "$left" -gt 0 ] && [ ! -e "$stopped" ]; do
        if ! fuzz_slice "$target" $((left < slice_s ? left : slice_s)); then
            touch "$stopped"
            printf 'CRASH   %s\n' "$target"
            tail -n 40 "$found/$target.log"
            return 1
        fi
        executions=$((executions + $(sed -n 's/^stat::number_of_executed_units: //p' "$found/$target.log")))
        times >"$found/$target.times" # in this shell: another has no children
        spent=$(seconds_of "$found/$target.times")
        left=$((minutes * 60 - spent))
    done
    coverage=$(grep -o 'cov: [0-9]*' "$found/$target.log" | tail -n 1)
    printf '%s  %-14s executions=%d coverage=%s inputs=%d cpu_s=%d wall_s=%d\n' \
        "$([ "$left" -gt 0 ] && echo 'stopped' || echo 'ok     ')" "$target" "$executions" \
        "${coverage#cov: }" "$(find "$found/$target" -type f | wc -l)" "$spent" $((SECONDS - began))
}

prepare "$@"
jobs=${JOBS:-$(nproc)}
for target in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n
    done
    [ ! -e "$stopped" ] || break
    fuzz "$target" &
done
wait
[ ! -e "$stopped" ]
