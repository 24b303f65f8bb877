#!/usr/bin/env bash
# shell - shellcheck finds nothing in any shell script
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/shell.sh [FILE...]        without files: all, by name or by first line
set -euo pipefail
cd "$(dirname "$0")/../.."
files=("$@")
if [ $# = 0 ]; then
    while read -r path; do
        if [[ "$path" == *.sh ]] || head -n 1 -- "$path" | grep -aqE '^#!.*\b(ba|da)?sh\b'; then
            files+=("$path")
        fi
    done < <(tests/checks/files.sh '*')
fi
[ "${#files[@]}" -gt 0 ] || { echo "shell: found no shell script" >&2; exit 1; }
shellcheck --external-sources "${files[@]}"
echo "shell: ${#files[@]} files"
