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
logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT

# Run one test. Errors of any process it makes count; leaks only its own: a child of fork that
# ends by _exit leaves its parent's memory lying about.
watch() {
    local status=0 process
    rm -f "$logs"/*
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=none --suppressions=tests/support/valgrind.supp \
        --log-file="$logs/valgrind.%p" "$1" >"$logs/output" 2>&1 &
    process=$!
    wait "$process" || status=$?
    if [ "$status" = 0 ] && ! grep -q 'definitely lost' "$logs/valgrind.$process"; then return 0; fi
    cat "$logs/output" "$logs"/valgrind.*
    return 1
}

for test in "${tests[@]}"; do
    started=$SECONDS
    if watch "$test"; then
        echo "$(basename "$test"): clean, $((SECONDS - started)) s"
    else
        bad+=("$(basename "$test")")
    fi
done
[ "${#bad[@]}" = 0 ] || { echo "valgrind: findings in ${bad[*]}" >&2; exit 1; }
