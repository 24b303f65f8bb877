#!/usr/bin/env bash
# tsan - runs what ThreadSanitizer shall watch, under the suppressions of tests/support/tsan.supp
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/tsan.sh threads BUILD_DIRECTORY     the unit tests with threads, no report
#        tests/checks/tsan.sh unit BUILD_DIRECTORY        every unit test, without a report
#        tests/checks/tsan.sh own-race BUILD_DIRECTORY    a race of our own is still reported
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# = 2 ] || { sed -n '5,7s/^# //p' "$0" >&2; exit 2; }
export TSAN_OPTIONS="suppressions=$PWD/tests/support/tsan.supp halt_on_error=0 exitcode=66"

# ThreadSanitizer wants the memory laid out as it knows it; kernels that shuffle it with more
# bits than it knows need the shuffling off, which a container may forbid where it is not needed.
run=()
if ! "$2/tests/own_race" none >/dev/null 2>&1; then run=(setarch "$(uname -m)" -R); fi

case "$1" in
    unit | threads)
        "${run[@]}" ctest --test-dir "$2" --label-regex "^$1\$" --output-on-failure --no-tests=error
        ;;
    own-race)
        "${run[@]}" "$2/tests/own_race" none
        # Two threads of libczmq and libzmq: the shape in which a broad suppression hides it.
        for place in thread actor; do
            status=0
            said="$("${run[@]}" "$2/tests/own_race" "$place" 2>&1)" || status=$?
            if [ "$status" != 66 ] || [[ "$said" != *"data race"*"own_race.c"* ]]; then
                printf 'tsan: a race (%s) was not reported (status %s):\n%s\n' \
                    "$place" "$status" "$said" >&2
                exit 1
            fi
            echo "tsan: a race ($place) is reported"
        done
        ;;
    *)
        echo "tsan: no '$1'; use threads, unit or own-race" >&2
        exit 2
        ;;
esac
