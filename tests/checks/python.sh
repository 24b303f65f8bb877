#!/usr/bin/env bash
# python - the tests' Python compiles and names nothing that is not there
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/python.sh [FILE...]       without files: all
set -euo pipefail
cd "$(dirname "$0")/../.."
ruff=build/aider-venv/bin/ruff
[ -x "$ruff" ] || ruff=ruff
if [ $# -gt 0 ]; then files=("$@"); else mapfile -t files < <(tests/checks/files.sh '*.py'); fi
[ "${#files[@]}" -gt 0 ] || { echo "python: found no Python file" >&2; exit 1; }
"$ruff" check --no-cache --select F,E9 "${files[@]}"
echo "python: ${#files[@]} files"
