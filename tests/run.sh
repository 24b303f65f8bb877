#!/usr/bin/env bash
# run - installs what the tests need, builds with sanitizers, runs every test, sums up
# SPDX-License-Identifier: MPL-2.0
#
# usage: ./tests/run.sh [--all] [--only REGEX] [--list]
#   --all         also the tests of level "all", which take longer than CI has time for
#   --only REGEX  only tests whose name matches (and what those need built)
#   --list        build, then only print the tests' names
#
# Everything made stands below build/: a second run installs and builds only what changed.
# Exit status: 0 all passed, 1 something failed, 2 wrongly called.
set -euo pipefail
cd "$(dirname "$0")/.."

label='^ci$'
share_of_tests=3000    # seconds; each test has a share of its own, too
only=
list=0
while [ $# -gt 0 ]; do
    case "$1" in
        --all)
            label=
            share_of_tests=10800
            ;;
        --only)
            [ $# -ge 2 ] || { echo "run.sh: --only needs a regular expression" >&2; exit 2; }
            only="$2"
            shift
            ;;
        --list) list=1 ;;
        -h | --help)
            sed -n '5,11s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "run.sh: unknown argument '$1'; see ./tests/run.sh --help" >&2
            exit 2
            ;;
    esac
    shift
done

build="$PWD/build/asan"
mkdir -p build
parts=()    # "seconds name", in the order they ran

# part NAME SHARE COMMAND...: run it for at most SHARE seconds, and say how long it took; a failure
# ends the run by name.
part() {
    local name="$1" share="$2" started status=0
    shift 2
    started=$(date +%s)
    echo "== $name"
    timeout --foreground -k 10 "$share" bash -euo pipefail -c '"$@"' part "$@" || status=$?
    parts+=("$(($(date +%s) - started)) $name")
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "run.sh: failed in part: $name (it outgrew its share of $share s)" >&2
        exit 1
    elif [ "$status" != 0 ]; then
        echo "run.sh: failed in part: $name (status $status)" >&2
        exit 1
    fi
}

# Run ctest. Its closing lines are kept for the end, behind our summary, so that what failed and
# how many tests there were is the last thing on the screen.
run_ctest() {
    local line held=0
    local arguments=(--test-dir "$build" --output-on-failure --output-junit "$build/junit.xml"
        --parallel "$((2 * $(nproc)))" --no-tests=error)
    [ -z "$label" ] || arguments+=(--label-regex "$label")
    [ -z "$only" ] || arguments+=(--tests-regex "$only")
    rm -f "$build/junit.xml"
    : >"$build/closing.txt"
    timeout --foreground -k 30 "$share_of_tests" ctest "${arguments[@]}" 2>&1 |
        while IFS= read -r line; do
            # mawk would hold back what it prints until a block is full; this loop does not.
            [[ ! "$line" =~ ^[0-9]+%\ tests\ passed,\  ]] || held=1
            if [ "$held" = 1 ]; then
                printf '%s\n' "$line" >>"$build/closing.txt"
            else
                printf '%s\n' "$line"
            fi
        done
    return "${PIPESTATUS[0]}"
}

part "Debian packages" 600 deploy/install-packages.sh test

part "build with ASan and UBSan" 600 tests/checks/build.sh asan

if [ "$list" = 1 ]; then
    arguments=(--test-dir "$build" --show-only)
    [ -z "$label" ] || arguments+=(--label-regex "$label")
    [ -z "$only" ] || arguments+=(--tests-regex "$only")
    exec ctest "${arguments[@]}"
fi

echo "== tests"
started=$(date +%s)
status=0
run_ctest || status=$?
[ "$status" != 124 ] || echo "run.sh: all tests together outgrew $share_of_tests s" >&2
parts+=("$(($(date +%s) - started)) all tests")

echo
echo "== summary: seconds by part (tests run side by side; theirs are summed)"
for entry in "${parts[@]}"; do
    printf '%8d  %s\n' "${entry%% *}" "${entry#* }"
done
[ ! -e "$build/junit.xml" ] || python3 tests/checks/summary.py "$build/junit.xml" || status=1
echo
cat "$build/closing.txt"
[ "$status" = 0 ] || exit 1
