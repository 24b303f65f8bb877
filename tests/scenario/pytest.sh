#!/usr/bin/env bash
# pytest - runs scenarios with the Python of the tests; nothing may be skipped
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/scenario/pytest.sh FILE [PYTEST-ARGUMENT...]
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
python="$root/build/aider-venv/bin/python"
if ! "$python" -c 'import pytest' 2>/dev/null; then
    echo "pytest: $python has no pytest; ./tests/run.sh makes it" >&2
    exit 1
fi
export PYTHONDONTWRITEBYTECODE=1
cd "$root/tests/scenario"
exec "$python" -m pytest -p no:cacheprovider -v --tb=short --durations=5 -rA "$@"
