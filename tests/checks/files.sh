#!/usr/bin/env bash
# files - the project's own files of one kind, as git sees them, one a line
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/files.sh PATHSPEC...      e.g. '*.c' '*.h'
#
# Recorded fixtures are left out: they are kept byte for byte. In a tree without git, find does.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -e .git ]; then
    git ls-files --cached --others --exclude-standard -- "$@" | grep -v '^tests/fixtures/' |
        while read -r path; do [ ! -e "$path" ] || echo "$path"; done
else
    names=(-name '')
    for pattern in "$@"; do names+=(-o -path "./${pattern}" -o -name "$pattern"); done
    find . \( -path ./build -o -path ./tests/fixtures \) -prune -o -type f \
        \( "${names[@]}" \) -print | sed 's,^\./,,'
fi
