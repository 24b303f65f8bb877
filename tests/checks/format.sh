#!/usr/bin/env bash
# format - every C file is laid out as .clang-format says
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/format.sh [FILE...]       without files: all
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(tests/checks/files.sh '*.c' '*.h'); fi
[ "${#files[@]}" -gt 0 ] || { echo "format: found no C file" >&2; exit 1; }
clang-format-14 --dry-run -Werror "${files[@]}"
echo "format: ${#files[@]} files"
