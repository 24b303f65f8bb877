#!/usr/bin/env bash
# valgrind - every unit test under valgrind: no error, nothing definitely lost
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/valgrind.sh BUILD_DIRECTORY
#
# The build has no sanitizers: the two do not go together.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# = 1 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }
shopt -s nullglob
tests=("$1"/tests/test_*)
[ "${#tests[@]}" -gt 0 ] || { echo "valgrind: no unit tests in $1/tests" >&2; exit 1; }
bad=()
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
for test in "${tests[@]}"; do
    started=$SECONDS
    if valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
        --suppressions=tests/support/valgrind.supp --child-silent-after-fork=yes \
        "$test" >"$log" 2>&1; then
        echo "$(basename "$test"): clean, $((SECONDS - started)) s"
    else
        bad+=("$(basename "$test")")
        cat "$log"
    fi
done
[ "${#bad[@]}" = 0 ] || { echo "valgrind: findings in ${bad[*]}" >&2; exit 1; }
