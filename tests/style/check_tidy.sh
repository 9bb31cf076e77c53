#!/bin/bash
# check_tidy.sh BUILD_DIR - clang-tidy over every C file of the product; exit 1 on a finding.
#
# BUILD_DIR is a Meson build directory that has been built (it has compile_commands.json and the
# generated headers). Flags that clang 14 does not take are dropped from a copy.
set -eu
cd "$(dirname "$0")/../.."
build=$(readlink -f "$1")
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
sed -E 's/ -W(logical-op|duplicated-cond|duplicated-branches)| -ftrivial-auto-var-init=zero//g' \
    "$build/compile_commands.json" >"$database/compile_commands.json"
find mapping queue server -name '*.c' -print0 |
    xargs -0 --no-run-if-empty -n 1 -P "$(nproc)" \
        clang-tidy --quiet -p "$database" 2>/dev/null
