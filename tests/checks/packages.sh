#!/usr/bin/env bash
# packages - what the tests need from PyPI and npm, installed below build/ where it is missing
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/packages.sh tests|api|mcp|old-aider
#   tests      aider, pytest and what else the scenarios import; npm's clients
#   api        what checks the OpenAPI description, the CloudEvents and the metrics
#   mcp        the newest revision of the Model Context Protocol
#   old-aider  an aider of 2025
set -euo pipefail
cd "$(dirname "$0")/../.."

# A stamp holds the hash of what was installed; equal hashes mean there is nothing to do.
# make_venv FOLDER REQUIREMENTS
make_venv() {
    local venv="$PWD/build/$1" requirements="$2" hash
    local stamp="$venv/aidermesh.stamp"
    hash="$(python3 --version) $(sha256sum <"$requirements")"
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then
        echo "$1: as required already"
        return
    fi
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 5 \
        -r "$requirements"
    echo "$hash" >"$stamp"
}

make_node_modules() {
    local node="$PWD/build/node" hash
    local stamp="$node/aidermesh.stamp"
    hash="$(node --version) $(sha256sum <tests/support/node/package-lock.json)"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ]; then
        echo "node: as locked already"
        return
    fi
    mkdir -p "$node"
    cp tests/support/node/package.json tests/support/node/package-lock.json "$node/"
    npm ci --prefix "$node" --no-audit --no-fund --loglevel=error
    echo "$hash" >"$stamp"
}

case "${1:-}" in
    tests)
        make_venv aider-venv tests/requirements.txt
        make_node_modules
        ;;
    api) make_venv api-venv tests/requirements-api.txt ;;
    mcp) make_venv mcp-venv tests/requirements-mcp.txt ;;
    old-aider) make_venv aider-venv-0.81 tests/requirements-old-aider.txt ;;
    *)
        echo "packages: no '${1:-}'; use tests, api, mcp or old-aider" >&2
        exit 2
        ;;
esac
