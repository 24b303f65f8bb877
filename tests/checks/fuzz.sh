#!/usr/bin/env bash
# fuzz - one fuzzer over its seeds and what it found before, for some seconds
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/fuzz.sh BUILD_DIRECTORY NAME SECONDS
#
# What it finds of interest is kept in build/corpus/NAME, for the next run; the seeds in
# tests/fuzz/corpus are left as they are. An input that fails is kept beside, and named.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# = 3 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }
program="$1/fuzz/fuzz_$2"
seeds="tests/fuzz/corpus/$2"
found="build/corpus/$2"
[ -x "$program" ] || { echo "fuzz: there is no $program" >&2; exit 1; }
if [ -z "$(ls -A "$seeds" 2>/dev/null)" ]; then
    echo "fuzz: $seeds has no seeds: whatever parses foreign bytes has some" >&2
    exit 1
fi
mkdir -p "$found" build/crashes
symbolizer="$(command -v llvm-symbolizer-14 || true)"
export ASAN_SYMBOLIZER_PATH="$symbolizer" UBSAN_OPTIONS=print_stacktrace=1
"$program" -max_total_time="$3" -timeout=60 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="build/crashes/$2-" "$found" "$seeds"
