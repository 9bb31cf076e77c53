#!/bin/bash
# check_format.sh - says which C files clang-format would change; exit 1 when there is one.
set -eu
cd "$(dirname "$0")/../.."
find mapping queue server tests -name '*.[ch]' -print0 |
    xargs -0 --no-run-if-empty -n 40 clang-format --dry-run -Werror
