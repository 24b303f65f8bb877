#!/usr/bin/env bash
# threads - the unit tests that start threads are those that say so, which ThreadSanitizer watches
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/threads.sh BUILD_DIRECTORY
set -euo pipefail
[ $# = 1 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }

said="$(ctest --test-dir "$1" --show-only --label-regex '^threads$' |
    sed -n 's/^ *Test *#[0-9]*: unit\.//p' | sort)"
started="$(for test in "$1"/tests/test_*; do
    [ -x "$test" ] || continue
    symbols="$(nm --undefined-only "$test")"
    [[ ! "$symbols" =~ \ (pthread_create|thrd_create|zactor_new)(@|$'\n') ]] ||
        basename "$test" | sed 's/^test_//'
done | sort)"
[ -n "$started" ] || { echo "threads: no unit test starts one; is anything built?" >&2; exit 1; }
if ! diff <(echo "$said") <(echo "$started"); then
    echo "threads: < says THREADS to mesh_add_unit_test, > starts threads" >&2
    exit 1
fi
echo "threads: $(wc -l <<<"$started") unit tests start threads, and say so"
