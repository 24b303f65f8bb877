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
logs="$(mktemp -d)"
export logs
trap 'rm -rf "$logs"' EXIT

# Run one test. Errors of any process it makes count; leaks only its own: a child of fork that
# ends by _exit leaves its parent's memory lying about.
watch() {
    local name status=0 process started=$SECONDS
    name="$(basename "$1")"
    mkdir "$logs/$name"
    valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=none --suppressions=tests/support/valgrind.supp \
        --log-file="$logs/$name/valgrind.%p" "$1" >"$logs/$name/output" 2>&1 &
    process=$!
    wait "$process" || status=$?
    if [ "$status" = 0 ] && ! grep -q 'definitely lost' "$logs/$name/valgrind.$process"; then
        echo "$name: clean, $((SECONDS - started)) s"
        return 0
    fi
    printf '%s: status %s\n%s\n' "$name" "$status" "$(cat "$logs/$name"/*)"
    return 1
}
export -f watch

# shellcheck disable=SC2016  # for the inner shell to expand
if ! printf '%s\0' "${tests[@]}" | xargs -0 -n 1 -P 2 bash -c 'watch "$1"' watch; then
    echo "valgrind: findings, see above" >&2
    exit 1
fi
